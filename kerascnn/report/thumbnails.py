"""Images and filters as small pictures that stand in a page themselves."""

from __future__ import annotations

import base64
import io

import numpy as np
from PIL import Image

SIDE = 128  # pixels, at the most
_SMALL = 64  # up to here, PNG: JPEG would be larger, and blur the few pixels that there are


def data_uri(image: np.ndarray) -> str:
    """Returns an image as an address that holds it, such as "data:image/png;base64,...".

    Args:
        image: uint8 (H, W, 1 or 3).
    """
    height, width, channels = image.shape
    picture = Image.fromarray(image[:, :, 0] if channels == 1 else image)
    picture.thumbnail((SIDE, SIDE))
    content = io.BytesIO()
    if max(height, width) <= _SMALL:
        picture.save(content, "PNG", optimize=True)
        kind = "png"
    else:
        picture.save(content, "JPEG", quality=80, optimize=True)
        kind = "jpeg"
    return f"data:image/{kind};base64,{base64.b64encode(content.getvalue()).decode('ascii')}"


def filter_uri(weights: np.ndarray) -> str:
    """Returns a filter as `data_uri` does: 0 is grey, the largest weight is black or white.

    Args:
        weights: float (H, W, 1 or 3).
    """
    largest = max(float(np.abs(weights).max()), 1e-12)
    return data_uri(np.rint(weights / largest * 127 + 128).clip(0, 255).astype(np.uint8))
