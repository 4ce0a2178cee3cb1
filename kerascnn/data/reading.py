"""From encoded images to pixels of the model's size, as TensorFlow operations."""

from __future__ import annotations

import io
from collections.abc import Callable

import numpy as np

from kerascnn.backend import tf
from kerascnn.data import images

Shape = tuple[int, int, int]
Box = Callable[
    ["tf.Tensor"], "tf.Tensor"
]  # (height, width) -> crop (y, x, height, width), all int32

# Exactly Pillow's decoder; TensorFlow's default is a coarser one, and no faster.
_DCT = "INTEGER_ACCURATE"


# TensorFlow forgets a function that Python has forgotten: no function within another can be this.
def _decode(data: bytes) -> np.ndarray:
    return images.decode(io.BytesIO(data))


def _by_pillow(contents: tf.Tensor) -> tf.Tensor:
    return tf.numpy_function(_decode, [contents], tf.uint8, stateful=False)


def sound_pixels(contents: tf.Tensor, decoder: int, channels: int = 3) -> tf.Tensor:
    """Decodes a sound image file by TensorFlow's own decoder, exactly as Pillow would.

    Args:
        contents: The contents of the file, a string.
        decoder: JPEG or PNG.
        channels: 3, or 1 for a PNG file that is grey.

    Returns:
        uint8 (h, w, channels).
    """
    if decoder == images.JPEG:
        return tf.io.decode_jpeg(contents, channels=channels, dct_method=_DCT)
    return tf.io.decode_png(contents, channels=channels)


def file_pixels(contents: tf.Tensor, decoder: tf.Tensor) -> tf.Tensor:
    """Decodes an image file as `kerascnn.data.images.decode` does.

    Args:
        contents: The contents of the file, a string.
        decoder: int32, JPEG, PNG or OTHER.

    Returns:
        uint8 (h, w, 3).
    """
    decoded = tf.switch_case(
        decoder,
        [
            lambda: sound_pixels(contents, images.JPEG),
            lambda: sound_pixels(contents, images.PNG),
            lambda: _by_pillow(contents),
        ],
    )
    return tf.ensure_shape(decoded, (None, None, 3))


def record_pixels(contents: tf.Tensor, shape: tuple[int | None, int | None, int]) -> tf.Tensor:
    """Decodes an image of a TFDS record as TFDS does: uint8 of that shape."""
    decoded = tf.io.decode_image(contents, channels=shape[2], expand_animations=False)
    return tf.ensure_shape(decoded, shape)


def cropped(
    contents: tf.Tensor,
    is_jpeg: tf.Tensor,
    whole: Callable[[], tf.Tensor],
    image_shape: Shape,
    box_of: Box,
) -> tf.Tensor:
    """Decodes the part of one image that a random crop shows: uint8 of image_shape.

    JPEG is decoded only where the crop lies, and at a half, a quarter or an eighth where the crop
    is at least as many times the model's size, which is faster and averages what is left out; its
    colours are interpolated coarsely, as the crop is resized anyway.

    Args:
        contents: Encoded image, a string.
        is_jpeg: bool, whether `contents` is an upright JPEG.
        whole: Decodes other images to uint8 (h, w, 1 or 3).
        image_shape: What the crop is stretched to.
        box_of: The crop for an image of a given size.
    """
    height, width, channels = image_shape

    def from_jpeg() -> tf.Tensor:
        size = tf.io.extract_jpeg_shape(contents)[:2]
        box = box_of(size)
        shrink = tf.reduce_min(box[2:] // tf.constant([height, width]))
        level = tf.reduce_sum(tf.cast(shrink >= [2, 4, 8], tf.int32))

        def decode(ratio: int) -> tf.Tensor:
            area = tf.concat([box[:2] // ratio, tf.maximum(box[2:] // ratio, 1)], axis=0)
            return tf.io.decode_and_crop_jpeg(
                contents, area, channels=3, ratio=ratio, fancy_upscaling=False
            )

        part = tf.switch_case(level, [lambda r=r: decode(r) for r in (1, 2, 4, 8)])
        part = images.with_channels(tf.ensure_shape(part, (None, None, 3)), channels)
        return tf.image.resize(part, (height, width))

    def from_pixels() -> tf.Tensor:
        image = images.with_channels(whole(), channels)
        y, x, h, w = tf.unstack(box_of(tf.shape(image)[:2]))
        return tf.image.resize(image[y : y + h, x : x + w], (height, width), antialias=True)

    image = tf.cond(is_jpeg, from_jpeg, from_pixels)
    return tf.ensure_shape(tf.cast(image + 0.5, tf.uint8), image_shape)  # never beyond 0..255
