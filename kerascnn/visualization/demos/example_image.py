"""The image that a demo is given: small enough to be computed with while one waits."""

from __future__ import annotations

import numpy as np
from PIL import Image

from kerascnn.data.images import decode

MOST_NUMBERS = 12  # pixels a side of an image that is shown as numbers
_MOST = 200  # pixels a side of any other


def read_example(path: str) -> np.ndarray:
    """Reads an image file, made smaller where it is large.

    Args:
        path: Of the file.

    Returns:
        Levels from 0 to 255, float (H, W, 3); (H, W, 1) where the image is grey.

    Raises:
        UserError: If it cannot be read.
    """
    pixels = decode(path)
    if max(pixels.shape[:2]) > _MOST:
        image = Image.fromarray(pixels)
        image.thumbnail((_MOST, _MOST), Image.Resampling.LANCZOS)
        pixels = np.asarray(image)
    grey = (pixels == pixels[..., :1]).all()
    return pixels[..., : 1 if grey else 3].astype(float)
