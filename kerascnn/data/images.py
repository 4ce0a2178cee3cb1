"""One image: from a file of any common type to pixels, and to the model's size.

Training and `predict` both read through here, so that a file gives the same pixels in both.
"""

from __future__ import annotations

import contextlib
import functools
import io
import math
import os
import threading
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Literal

import numpy as np

from kerascnn.backend import tf
from kerascnn.errors import UserError
from kerascnn.files import UnreadableError, legible, opened_regular, size_text

if TYPE_CHECKING:
    from PIL import Image

ResizeMode = Literal["crop", "stretch", "pad"]

# A file with one of these endings, in any case, or with none, is taken for an image. How it is read
# depends on its content alone.
_PHOTO_ENDINGS = (".jpg", ".jpeg", ".jpe", ".jfif", ".webp", ".tif", ".tiff")
_GRAPHIC_ENDINGS = (".png", ".bmp", ".dib", ".gif", ".ppm", ".pgm", ".pbm", ".pnm", ".tga")
IMAGE_ENDINGS = (*_PHOTO_ENDINGS, *_GRAPHIC_ENDINGS)

# What the endings mean, whatever a file's own one is. Pillow knows more formats, among them some
# that it hands to other programs.
_FORMATS = ("JPEG", "PNG", "GIF", "BMP", "DIB", "TIFF", "WEBP", "PPM", "TGA")

# How a file may be read: by TensorFlow's JPEG or PNG decoder where that gives exactly what Pillow
# gives (8-bit grey or RGB, upright, opaque, sound), by Pillow otherwise.
JPEG, PNG, OTHER = range(3)

MOST_BYTES = 256 * 2**20  # of an image file
# Of an image: Pillow refuses larger ones as bombs, unless it has been told otherwise.
MOST_PIXELS = 178_956_970
# Larger images are shrunk by a whole number to at most so many pixels before all else.
LARGE = 2**25
_MOST_MEMORY = 5 * 2**28  # bytes to decode one image in

_ORIENTATION = 0x0112  # EXIF tag
_AT_ONCE = 2**22  # pixels that are converted together


class UnreadableImageError(UserError):
    """A file that is no image, or a damaged one."""


class TooManyPixelsError(UnreadableImageError):
    """An image of more pixels than are read."""


class _TooManyError(Exception):
    """Why an image that has been opened is too large."""


class _Room:
    """Memory that threads share: who finds too little left waits."""

    def __init__(self, size: int):
        self._size = self._left = size
        self._changed = threading.Condition()

    @contextlib.contextmanager
    def taken(self, wanted: int) -> Iterator[None]:
        """Has so many bytes for a block; what is larger than the room has it alone."""
        wanted = min(wanted, self._size)
        with self._changed:
            self._changed.wait_for(lambda: wanted <= self._left)
            self._left -= wanted
        try:
            yield
        finally:
            with self._changed:
                self._left += wanted
                self._changed.notify_all()


# Who waits for pixels may have a content, never the other way round.
_contents, _pixels = _Room(MOST_BYTES), _Room(2**30)


@contextlib.contextmanager
def content_of(path: str | Path) -> Iterator[bytes]:
    """Reads an image file, as soon as there is room for it.

    Raises:
        UnreadableImageError: If there is no file, no regular one, a larger one than is read, or it
            cannot be read.
    """
    try:
        with opened_regular(path, MOST_BYTES) as file:
            size = file.seek(0, io.SEEK_END)
            with _contents.taken(size):
                file.seek(0)
                yield file.read(size)
    except UnreadableError as error:
        reason = f"{error.reason[:1].lower()}{error.reason[1:]}"
        raise UnreadableImageError(f"{legible(path)}: {reason}") from None


@contextlib.contextmanager
def opened(file: str | Path | BinaryIO) -> Iterator[Image.Image]:
    """Opens an image with Pillow; what goes wrong, here or in the block, is one kind of error.

    The block begins as soon as there is room for the pixels.

    Raises:
        UnreadableImageError: If the file cannot be read, is no image, is cut off, or too large;
            TooManyPixelsError where that is what is wrong.
    """
    if isinstance(file, str | Path):
        with content_of(file) as content, _opened(io.BytesIO(content), legible(file)) as image:
            yield image
    else:
        with _opened(file, "image") as image:
            yield image


@contextlib.contextmanager
def _opened(file: BinaryIO, name: str) -> Iterator[Image.Image]:
    from PIL import Image, UnidentifiedImageError

    _settle_pillow()
    try:
        with Image.open(file, formats=_FORMATS) as image, _pixels.taken(_memory(image)):
            yield image
    except UnidentifiedImageError:
        raise UnreadableImageError(f"{name}: is not an image") from None
    except Image.DecompressionBombError:
        raise TooManyPixelsError(
            f"{name}: has more than the {MOST_PIXELS:,} pixels that are read"
        ) from None
    except _TooManyError as error:
        raise TooManyPixelsError(f"{name}: {error}") from None
    except UnreadableImageError:  # of the block
        raise
    except Exception as error:  # Pillow raises whatever the damage leads to
        text = getattr(error, "strerror", None) or " ".join(str(error).split())
        reason = text or type(error).__name__
        raise UnreadableImageError(f"{name}: {reason[:1].lower()}{reason[1:]}") from None


@functools.cache
def _settle_pillow() -> None:
    """Lets Pillow take memory in pieces that go back to the system, and not to a thread's own."""
    from PIL import Image

    # Large images are no attack: `_memory` bounds them.
    warnings.filterwarnings("ignore", category=Image.DecompressionBombWarning)
    if "PILLOW_BLOCK_SIZE" not in os.environ:
        # glibc keeps pieces of up to half of that. Documented, if not exported:
        Image.core.set_block_size(2**26)  # type: ignore[attr-defined]


def _shrinking(image: Image.Image) -> int:
    """Returns by how much an image's sides are divided."""
    width, height = image.size
    return math.ceil(math.sqrt(width * height / LARGE))


def _memory(image: Image.Image) -> int:
    """Returns how many bytes it takes to decode an image, as measured with Pillow 13."""
    width, height = image.size
    pixels = width * height
    if pixels > MOST_PIXELS:
        raise _TooManyError(f"has {pixels:,} pixels; at most {MOST_PIXELS:,} are read")
    shrinking = _shrinking(image)
    each = 4.0
    if image.format == "WEBP":
        each = 16
    elif image.format == "TIFF":
        each = 8  # where it is one strip
    elif image.format in ("JPEG", "MPO"):
        each = 4 / _draft(shrinking) ** 2
        if shrinking > 1 or image.info.get("progressive"):
            each += 6  # all coefficients of all scans
    needed = int(pixels * each)
    if needed > _MOST_MEMORY:
        raise _TooManyError(
            f"has {pixels:,} pixels, which take {size_text(needed)} to decode as "
            f"{image.format}; at most {size_text(_MOST_MEMORY)} are used"
        )
    return needed + 4 * min(pixels, LARGE)


def _draft(shrinking: int) -> int:
    """Returns by how much a JPEG's sides are divided as it is decoded."""
    return max(part for part in (1, 2, 4, 8) if part <= shrinking)


def decode(file: str | Path | BinaryIO) -> np.ndarray:
    """Reads an image file as upright RGB.

    Grey levels are repeated, palettes looked up, CMYK converted, transparent parts laid on white,
    16 bits scaled to 8, EXIF rotations applied; of an animation the first frame is taken. An image
    of more than LARGE pixels is shrunk to less.

    Args:
        file: The path of a PNG, JPEG, BMP, GIF, TIFF, WebP, PPM or TGA file, whatever its name ends
            in, or such a file opened in binary mode.

    Returns:
        uint8 (H, W, 3).

    Raises:
        UnreadableImageError: If the file cannot be read, is no image, is cut off, or too large.
    """
    with opened(file) as image:
        return upright_rgb(image)


def upright_rgb(image: Image.Image) -> np.ndarray:
    """Returns what `decode` does, uint8 (H, W, 3), of a file that is open (see `opened`)."""
    shrinking = _shrinking(image)
    if shrinking > 1 and image.format in ("JPEG", "MPO"):
        part = _draft(shrinking)
        image.draft(None, (image.width // part, image.height // part))
        shrinking = _shrinking(image)
    image.load()
    width, height = image.size
    size = -(-height // shrinking), -(-width // shrinking)
    rows = max(_AT_ONCE // width // shrinking, 1) * shrinking
    top = 65535
    if image.mode == "F" and image.getextrema()[1] <= 255:  # type: ignore[operator]
        top = 255
    if rows >= height and shrinking == 1:
        pixels = np.asarray(_rgb(image, top))
    else:
        pixels = np.empty((*size, 3), np.uint8)
        for start in range(0, height, rows):
            strip = _rgb(image.crop((0, start, width, min(start + rows, height))), top)
            place = start // shrinking
            shrunk = np.asarray(strip.reduce(shrinking) if shrinking > 1 else strip)
            pixels[place : place + len(shrunk)] = shrunk
    return _upright(pixels, orientation(image))


def orientation(image: Image.Image) -> int:
    """Returns how a camera was held, as EXIF numbers it: 1 is upright."""
    value = image.getexif().get(_ORIENTATION, 1)
    return value if value in range(1, 9) else 1


def _upright(pixels: np.ndarray, turned: int) -> np.ndarray:
    if turned in (5, 6, 7, 8):
        pixels = pixels.transpose(1, 0, 2)
    if turned in (3, 4, 7, 8):
        pixels = pixels[::-1]
    if turned in (2, 3, 6, 7):
        pixels = pixels[:, ::-1]
    return np.ascontiguousarray(pixels)


def _rgb(image: Image.Image, top: int) -> Image.Image:
    """Returns an image as RGB; a white one of 16 bits or of numbers has the level `top`."""
    from PIL import Image

    if image.mode.startswith(("I", "F")):  # Pillow's own conversion would clip at 255
        levels = np.asarray(image).astype(np.float64)
        if not np.isfinite(levels).all():
            raise ValueError("holds pixels that are no numbers, or infinite")
        levels = np.rint(levels * (255 / top)).clip(0, 255).astype(np.uint8)
        return Image.fromarray(levels).convert("RGB")
    if image.has_transparency_data:
        layer = image.convert("RGBA")
        white = Image.new("RGBA", layer.size, "white")
        return Image.alpha_composite(white, layer).convert("RGB")
    return image if image.mode == "RGB" else image.convert("RGB")


def fit(
    image: tf.Tensor, image_shape: tuple[int, int, int], mode: ResizeMode = "crop"
) -> tf.Tensor:
    """Brings image tensors (..., h, w, C) to the model's size and channels; see `resize`."""
    height, width, channels = image_shape
    if image.shape[-3:-1] == (height, width):
        return with_channels(image, channels)
    with tf.device("CPU"):
        if mode == "crop":
            image = _without_ends(image, height, width)
        size = tf.shape(image)[-3:-1]
        pixels = with_channels(image, channels)
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


def _without_ends(image: tf.Tensor, height: int, width: int) -> tf.Tensor:
    """Cuts off what of a very long image would be enlarged, at any cost, only to be cut away."""
    size = tf.shape(image)[-3:-1]
    frame = tf.constant([height, width])
    seen = tf.reduce_min(tf.math.ceil(size / frame))  # pixels of the image in one of the frame
    kept = tf.minimum(size, 16 * frame * tf.cast(seen, tf.int32))
    y, x = tf.unstack((size - kept) // 2)
    return image[..., y : y + kept[0], x : x + kept[1], :]


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
