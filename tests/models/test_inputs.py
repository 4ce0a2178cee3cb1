"""From raw pixels to a network's input, against NumPy."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from kerascnn.backend import keras
from kerascnn.data.pixel_statistics import PixelStatistics
from kerascnn.errors import UserError
from kerascnn.models.inputs import apply_normalization
from kerascnn.models.registry import Normalization

STATISTICS = PixelStatistics((120.0, 30.0, 0.0), (60.0, 2.5, 0.0))
MEAN, STD = np.array(STATISTICS.mean), np.array([60.0, 2.5, 1.0])

EXPECTED: dict[Normalization, Callable[[np.ndarray], np.ndarray]] = {
    "unit": lambda pixels: pixels / 255,
    "standardize": lambda pixels: (pixels - MEAN) / STD,
    "center": lambda pixels: pixels - MEAN,
    "imagenet": lambda pixels: pixels - [123.68, 116.779, 103.939],
    "lenet": lambda pixels: -0.1 + 1.275 * pixels / 255,
    "none": lambda pixels: pixels,
}


@pytest.mark.parametrize("normalization", EXPECTED)
def test_every_normalization(normalization: Normalization, noise_images) -> None:
    images = keras.Input((5, 4, 3), dtype="uint8")
    model = keras.Model(images, apply_normalization(images, normalization, STATISTICS))
    pixels = noise_images(2, 5, 4, 3)
    found = model(pixels)
    assert found.dtype == "float32"
    expected = EXPECTED[normalization](pixels.astype(float))
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5)
    assert [layer.name for layer in model.layers[1:]] == ["pixels"]


def test_lenets_background_and_ink() -> None:
    images = keras.Input((1, 2, 1), dtype="uint8")
    statistics = PixelStatistics.default(1)
    model = keras.Model(images, apply_normalization(images, "lenet", statistics))
    pixels = np.array([0, 255], np.uint8).reshape(1, 1, 2, 1)
    np.testing.assert_allclose(np.ravel(model(pixels)), [-0.1, 1.175], rtol=1e-6)


def test_standardized_training_images_have_mean_0_and_variance_1(noise_images) -> None:
    pixels = noise_images(20, 8, 8, 2)
    statistics = PixelStatistics(
        tuple(pixels.mean(axis=(0, 1, 2))), tuple(pixels.std(axis=(0, 1, 2)))
    )
    images = keras.Input((8, 8, 2), dtype="uint8")
    model = keras.Model(images, apply_normalization(images, "standardize", statistics))
    found = np.asarray(model(pixels))
    np.testing.assert_allclose(found.mean(axis=(0, 1, 2)), 0, atol=1e-4)
    np.testing.assert_allclose(found.std(axis=(0, 1, 2)), 1, atol=1e-4)


def test_imagenets_mean_is_of_three_channels() -> None:
    with pytest.raises(UserError, match=r"^model.normalization: imagenet is for three channels"):
        apply_normalization(keras.Input((4, 4, 1)), "imagenet", PixelStatistics.default(1))
