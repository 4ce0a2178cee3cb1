"""One image: from a file of any common type to pixels, and to the model's size.

Training and `predict` both read through here, so that a file gives the same pixels in both.
"""

from __future__ import annotations

import contextlib
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Literal

import numpy as np

from kerascnn.backend import tf
from kerascnn.errors import UserError

if TYPE_CHECKING:
    from PIL import Image

ResizeMode = Literal["crop", "stretch", "pad"]

# A file with one of these endings, in any case, or with none, is taken for an image. How it is read
# depends on its content alone.
_PHOTO_ENDINGS = (".jpg", ".jpeg", ".jpe", ".jfif", ".webp", ".tif", ".tiff")
_GRAPHIC_ENDINGS = (".png", ".bmp", ".dib", ".gif", ".ppm", ".pgm", ".pbm", ".pnm", ".tga")
IMAGE_ENDINGS = (*_PHOTO_ENDINGS, *_GRAPHIC_ENDINGS)

# How a file may be read: by TensorFlow's JPEG or PNG decoder where that gives exactly what Pillow
# gives (8-bit grey or RGB, upright, opaque), by Pillow otherwise.
JPEG, PNG, OTHER = range(3)


class UnreadableImageError(UserError):
    """A file that is no image, or a damaged one."""


@contextlib.contextmanager
def opened(file: str | Path | BinaryIO) -> Iterator[Image.Image]:
    """Opens an image with Pillow; what goes wrong, here or in the block, is one kind of error.

    Raises:
        UnreadableImageError: If the file cannot be read, is no image, or is cut off.
    """
    from PIL import Image, UnidentifiedImageError

    name = file if isinstance(file, str | Path) else "image"
    try:
        with Image.open(file) as image:
            yield image
    except UnidentifiedImageError:
        raise UnreadableImageError(f"{name}: is not an image") from None
    except (OSError, SyntaxError, ValueError, EOFError, struct.error, MemoryError) as error:
        reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
        raise UnreadableImageError(f"{name}: {reason[:1].lower()}{reason[1:]}") from None
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise UnreadableImageError(f"{name}: {error}") from None


def decode(file: str | Path | BinaryIO) -> np.ndarray:
    """Reads an image file as upright RGB.

    Grey levels are repeated, palettes looked up, CMYK converted, transparent parts laid on white,
    16 bits scaled to 8, EXIF rotations applied; of an animation the first frame is taken.

    Args:
        file: The path of a PNG, JPEG, BMP, GIF, TIFF or WebP file, whatever its name ends in, or
            such a file opened in binary mode.

    Returns:
        uint8 (H, W, 3).

    Raises:
        UnreadableImageError: If the file cannot be read, is no image, or is cut off.
    """
    with opened(file) as image:
        return upright_rgb(image)


def upright_rgb(image: Image.Image) -> np.ndarray:
    """Returns what `decode` does, uint8 (H, W, 3), of a file that is open (see `opened`)."""
    from PIL import ImageOps

    image.load()
    return np.asarray(_rgb(ImageOps.exif_transpose(image)))


def _rgb(image: Image.Image) -> Image.Image:
    from PIL import Image

    if image.mode.startswith(("I", "F")):  # Pillow's own conversion would clip at 255
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
    """Brings image tensors (..., h, w, C) to the model's size and channels; see `resize`."""
    height, width, channels = image_shape
    if image.shape[-3:-1] == (height, width):
        return with_channels(image, channels)
    with tf.device("CPU"):
        size = tf.shape(image)[-3:-1]
        pixels = tf.cast(with_channels(image, channels), tf.float32)
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
        return tf.ensure_shape(tf.cast(pixels, tf.uint8), (*image.shape[:-3], *image_shape))


def with_channels(image: tf.Tensor, channels: int) -> tf.Tensor:
    """Makes grey of RGB (ITU-R 601, rounded as Pillow does), or repeats grey three times.

    Args:
        image: uint8 (..., 1) or (..., 3).
        channels: 1 or 3.
    """
    if image.shape[-1] == channels:
        return image
    if channels == 3:
        return tf.repeat(image, 3, axis=-1)
    weights = tf.constant([19595, 38470, 7471])
    levels = tf.reduce_sum(tf.cast(image, tf.int32) * weights, axis=-1, keepdims=True)
    return tf.cast(tf.bitwise.right_shift(levels + 0x8000, 16), tf.uint8)


def resize(
    image: np.ndarray, image_shape: tuple[int, int, int], mode: ResizeMode = "crop"
) -> np.ndarray:
    """Brings an image, or several of one size, to the model's size and number of channels.

    Args:
        image: uint8 (h, w, 1) or (h, w, 3), or with a batch axis before.
        image_shape: (H, W, C) wanted; C = 1 makes ITU-R 601 grey of RGB.
        mode: "crop" fills the frame and cuts what sticks out, centred; "pad" keeps the whole
            image and fills up with black; "stretch" ignores the aspect.

    Returns:
        uint8 of image_shape, after the batch axis if any; bilinear, antialiased where it shrinks.
    """
    pixels: np.ndarray = fit(tf.constant(image), image_shape, mode).numpy()
    return pixels
