"""One image: from a file of any common type to pixels, and to the model's size.

Training and `predict` both read through here, so that a file gives the same pixels in both.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import numpy as np

from kerascnn.backend import tf
from kerascnn.errors import UserError

ResizeMode = Literal["crop", "stretch", "pad"]


class UnreadableImageError(UserError):
    """A file that is no image, or a damaged one."""


def decode(path: str | Path) -> np.ndarray:
    """Reads an image file as upright RGB.

    Grey levels are repeated, palettes looked up, CMYK converted, transparent parts laid on white,
    16 bits scaled to 8, EXIF rotations applied; of an animation the first frame is taken.

    Args:
        path: Of a PNG, JPEG, BMP, GIF, TIFF or WebP file, whatever its name ends in.

    Returns:
        uint8 (H, W, 3).

    Raises:
        UnreadableImageError: If the file cannot be read, is no image, or is cut off.
    """
    from PIL import Image, ImageOps, UnidentifiedImageError

    try:
        with Image.open(path) as image:
            image.load()
            upright = ImageOps.exif_transpose(image)
            return np.asarray(_rgb(upright))
    except UnidentifiedImageError:
        raise UnreadableImageError(f"{path}: is not an image") from None
    except FileNotFoundError:
        raise UnreadableImageError(f"{path}: no such file") from None
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
        raise UnreadableImageError(f"{path}: {reason[:1].lower()}{reason[1:]}") from None


def _rgb(image):  # type: ignore[no-untyped-def]
    from PIL import Image

    if image.mode.startswith(("I", "F")):  # 16-bit grey; Pillow's own conversion would clip
        levels = np.asarray(image).astype(np.float64)
        top = 65535 if image.mode != "F" or levels.max(initial=0) > 255 else 255
        levels = np.rint(levels * (255 / top)).clip(0, 255).astype(np.uint8)
        return Image.fromarray(levels).convert("RGB")
    if image.has_transparency_data:
        layer = image.convert("RGBA")
        white = Image.new("RGBA", layer.size, "white")
        return Image.alpha_composite(white, layer).convert("RGB")
    return image.convert("RGB")


def fit(
    image: tf.Tensor, image_shape: tuple[int, int, int], mode: ResizeMode = "crop"
) -> tf.Tensor:
    """Brings an image tensor to the model's size and number of channels; see `resize`."""
    height, width, channels = image_shape
    with tf.device("CPU"):
        size = tf.shape(image)[:2]
        if image.shape[-1] != channels:
            image = _luminance(image) if channels == 1 else tf.repeat(image, 3, axis=-1)
        pixels = tf.cast(image, tf.float32)
        if mode == "stretch":
            pixels = tf.image.resize(pixels, (height, width), antialias=True)
        else:
            ratios = tf.constant([height, width], tf.float32) / tf.cast(size, tf.float32)
            scale = tf.reduce_max(ratios) if mode == "crop" else tf.reduce_min(ratios)
            scaled = tf.cast(tf.round(tf.cast(size, tf.float32) * scale), tf.int32)
            scaled = tf.maximum(scaled, [height, width] if mode == "crop" else [1, 1])
            if mode == "pad":
                scaled = tf.minimum(scaled, [height, width])
            pixels = tf.image.resize(pixels, scaled, antialias=True)
            pixels = tf.image.resize_with_crop_or_pad(pixels, height, width)
        pixels = tf.clip_by_value(tf.round(pixels), 0, 255)
        return tf.ensure_shape(tf.cast(pixels, tf.uint8), image_shape)


def _luminance(image: tf.Tensor) -> tf.Tensor:
    """ITU-R 601 grey (H, W, 1) of uint8 RGB, rounded as Pillow does."""
    weights = tf.constant([19595, 38470, 7471])
    levels = tf.reduce_sum(tf.cast(image, tf.int32) * weights, axis=-1, keepdims=True)
    return tf.cast(tf.bitwise.right_shift(levels + 0x8000, 16), tf.uint8)


def resize(
    image: np.ndarray, image_shape: tuple[int, int, int], mode: ResizeMode = "crop"
) -> np.ndarray:
    """Brings an image to the model's size and number of channels.

    Args:
        image: uint8 (h, w, 1) or (h, w, 3).
        image_shape: (H, W, C) wanted; C = 1 makes ITU-R 601 grey of RGB.
        mode: "crop" fills the frame and cuts what sticks out, centred; "pad" keeps the whole
            image and fills up with black; "stretch" ignores the aspect.

    Returns:
        uint8 of image_shape; bilinear, antialiased where it shrinks.
    """
    return fit(tf.constant(image), image_shape, mode).numpy()
