"""From encoded images to pixels of the model's size, as TensorFlow operations."""

from __future__ import annotations

import io
from collections.abc import Callable

import numpy as np

from kerascnn.backend import tf
from kerascnn.data import images
from kerascnn.data.images import JPEG

Shape = tuple[int, int, int]
# (height, width) int32 of an image -> the crop (y, x, height, width) int32 inside it.
Window = Callable[[tf.Tensor, tf.Tensor], tuple[tf.Tensor, tf.Tensor, tf.Tensor, tf.Tensor]]

# Exactly Pillow's decoder; TensorFlow's default is a coarser one, and no faster.
_DCT = "INTEGER_ACCURATE"


def _by_pillow(contents: tf.Tensor) -> tf.Tensor:
    def read(data: bytes) -> np.ndarray:
        return images.decode(io.BytesIO(data))

    return tf.numpy_function(read, [contents], tf.uint8, stateful=False)


def pixels(contents: tf.Tensor, decoder: tf.Tensor, channels: int = 3) -> tf.Tensor:
    """Decodes one image as `kerascnn.data.images.decode` does.

    Args:
        contents: Of the file, a string.
        decoder: int32, JPEG, PNG or OTHER.
        channels: 3, or 1 where every image is known to be grey.

    Returns:
        uint8 (h, w, channels).
    """
    decoded = tf.switch_case(
        decoder,
        [
            lambda: tf.io.decode_jpeg(contents, channels=channels, dct_method=_DCT),
            lambda: tf.io.decode_png(contents, channels=channels),
            lambda: _by_pillow(contents)[..., :channels],
        ],
    )
    return tf.ensure_shape(decoded, (None, None, channels))


def fitted(
    contents: tf.Tensor,
    decoder: tf.Tensor,
    image_shape: Shape,
    mode: images.ResizeMode,
    channels: int = 3,
) -> tf.Tensor:
    """Decodes one image and brings it to the model's size: uint8 of image_shape."""
    return images.fit(pixels(contents, decoder, channels), image_shape, mode)


def cropped(
    contents: tf.Tensor,
    decoder: tf.Tensor,
    image_shape: Shape,
    window: Window,
    channels: int = 3,
) -> tf.Tensor:
    """Decodes the part of one image that a random crop shows: uint8 of image_shape.

    JPEG is decoded only where the crop lies, and at a half, a quarter or an eighth where the crop
    is at least as many times the model's size, which is faster and averages what is left out.
    """

    def from_jpeg() -> tf.Tensor:
        size = tf.io.extract_jpeg_shape(contents)[:2]
        box = tf.stack(window(size[0], size[1]))
        shrink = tf.reduce_min(box[2:] // tf.constant(image_shape[:2]))
        level = tf.reduce_sum(tf.cast(shrink >= [2, 4, 8], tf.int32))

        def decode(ratio: int) -> tf.Tensor:
            area = tf.concat([box[:2] // ratio, tf.maximum(box[2:] // ratio, 1)], axis=0)
            part = tf.io.decode_and_crop_jpeg(
                contents, area, channels=channels, ratio=ratio, dct_method=_DCT
            )
            return tf.image.resize(part, image_shape[:2])

        return tf.switch_case(level, [lambda r=r: decode(r) for r in (1, 2, 4, 8)])

    def from_pixels() -> tf.Tensor:
        whole = pixels(contents, decoder, channels)
        size = tf.shape(whole)
        y, x, h, w = window(size[0], size[1])
        return tf.image.resize(whole[y : y + h, x : x + w], image_shape[:2], antialias=True)

    image = tf.cond(tf.equal(decoder, JPEG), from_jpeg, from_pixels)
    image = tf.cast(tf.clip_by_value(image + 0.5, 0, 255.5), tf.uint8)
    return images.with_channels(
        tf.ensure_shape(image, (*image_shape[:2], channels)), image_shape[2]
    )
