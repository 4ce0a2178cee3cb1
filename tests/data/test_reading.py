"""Decoding inside TensorFlow, against Pillow."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from kerascnn.backend import tf
from kerascnn.data.images import JPEG, OTHER, PNG, decode
from kerascnn.data.reading import cropped, file_pixels, record_pixels
from tests.data.pictures import picture

PHOTO = picture(96, 128)


def _encoded(pixels: np.ndarray, kind: str, **options: object) -> bytes:
    content = io.BytesIO()
    Image.fromarray(pixels).save(content, kind, **options)
    return content.getvalue()


@pytest.mark.parametrize(
    ("kind", "decoder"),
    [("JPEG", JPEG), ("PNG", PNG), ("JPEG", OTHER), ("PNG", OTHER), ("BMP", OTHER)],
)
@pytest.mark.parametrize("pixels", [PHOTO, PHOTO[..., 1]], ids=["colour", "grey"])
def test_every_decoder_gives_pillows_pixels(kind: str, decoder: int, pixels) -> None:
    content = _encoded(pixels, kind)
    found = tf.function(file_pixels)(tf.constant(content), tf.constant(decoder))
    assert found.dtype == tf.uint8
    np.testing.assert_array_equal(found, decode(io.BytesIO(content)))


@pytest.mark.parametrize("channels", [1, 3])
def test_records_are_decoded_to_the_shape_that_their_set_has(channels: int) -> None:
    pixels = PHOTO if channels == 3 else PHOTO[..., 0]
    content = tf.constant(_encoded(pixels, "PNG"))
    found = record_pixels(content, (96, 128, channels))
    np.testing.assert_array_equal(found, pixels.reshape(96, 128, channels))
    assert record_pixels(content, (None, None, channels)).shape == (96, 128, channels)
    with pytest.raises((ValueError, tf.errors.InvalidArgumentError)):
        record_pixels(content, (96, 127, channels))


def _crop(content: bytes, box, shape: tuple[int, int, int], *, is_jpeg: bool):
    def box_of(size: tf.Tensor) -> tf.Tensor:
        with tf.control_dependencies([tf.debugging.assert_equal(size, [96, 128])]):
            return tf.constant(box)

    def whole() -> tf.Tensor:
        return file_pixels(tf.constant(content), tf.constant(OTHER))

    @tf.function  # as tf.data calls it
    def decode_part(content: tf.Tensor, is_jpeg: tf.Tensor) -> tf.Tensor:
        return cropped(content, is_jpeg, whole, shape, box_of)

    found = decode_part(tf.constant(content), tf.constant(is_jpeg))
    assert found.dtype == tf.uint8
    assert found.shape == shape
    return found.numpy()


def test_a_crop_of_the_models_size_is_cut_out() -> None:
    found = _crop(_encoded(PHOTO, "PNG"), [10, 20, 40, 30], (40, 30, 3), is_jpeg=False)
    np.testing.assert_array_equal(found, PHOTO[10:50, 20:50])
    smooth = picture(96, 128)
    content = _encoded(smooth, "JPEG", quality=98, subsampling=0)
    found = _crop(content, [10, 20, 40, 30], (40, 30, 3), is_jpeg=True)
    np.testing.assert_allclose(found.astype(float), smooth[10:50, 20:50], atol=12)


@pytest.mark.parametrize("ratio", [1, 2, 3, 4, 8])
@pytest.mark.parametrize("is_jpeg", [True, False])
def test_a_larger_crop_is_stretched_to_the_models_size(ratio: int, is_jpeg: bool) -> None:
    y, x = np.mgrid[0:96, 0:128]  # a ramp: what is left out shows in the slope
    ramp = np.stack([y * 2, x, (x + y) // 2], -1).astype(np.uint8)
    content = _encoded(ramp, "JPEG", quality=98, subsampling=0)
    box = [8, 16, 8 * ratio, 12 * ratio]
    found = _crop(content, box, (8, 12, 3), is_jpeg=is_jpeg).astype(float)
    part = Image.fromarray(ramp).resize(
        (12, 8), Image.Resampling.BILINEAR, box=(16, 8, 16 + 12 * ratio, 8 + 8 * ratio)
    )
    # Decoded at a half, a quarter or an eighth the grid may lie by half a pixel beside Pillow's.
    np.testing.assert_allclose(found, np.asarray(part), atol=3 + ratio)


@pytest.mark.parametrize("is_jpeg", [True, False])
def test_grey_and_colour_as_the_model_wants_it(is_jpeg: bool) -> None:
    content = _encoded(PHOTO, "JPEG", quality=98, subsampling=0)
    grey = _crop(content, [0, 0, 96, 128], (96, 128, 1), is_jpeg=is_jpeg)
    expected = np.asarray(Image.open(io.BytesIO(content)).convert("L"))[..., None]
    np.testing.assert_allclose(grey.astype(float), expected, atol=2)
    flat = _encoded(PHOTO[..., 0], "JPEG")
    colour = _crop(flat, [0, 0, 96, 128], (96, 128, 3), is_jpeg=is_jpeg)
    np.testing.assert_array_equal(colour[..., 0], colour[..., 2])
