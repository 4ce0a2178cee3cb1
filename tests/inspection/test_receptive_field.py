"""Receptive fields by arithmetic, against what derivatives reach."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from kerascnn import build_model
from kerascnn.arithmetic.layers import kernels_of
from kerascnn.backend import keras
from kerascnn.errors import UserError
from kerascnn.inspection.layers import FeatureMaps, feature_maps, from_floats
from kerascnn.inspection.receptive_field import (
    clipped,
    effective_field,
    most_of,
    receptive_field_of,
)
from kerascnn.layers import LRN


def averaging(model: keras.Model) -> keras.Model:
    """The network with means for maxima, and every unit the mean of what it sees.

    Then no derivative is zero within what a unit sees: a maximum has one of its window alone.
    """

    def change(layer: keras.Layer) -> keras.Layer:
        if isinstance(layer, keras.layers.MaxPooling2D):
            config = layer.get_config()
            return keras.layers.AveragePooling2D.from_config(config)
        return keras.layers.Identity(name=layer.name) if isinstance(layer, LRN) else layer

    changed = from_floats(model, change)
    for layer in changed.layers:
        for weight in layer.weights:
            if any(weight is kernel for kernel in kernels_of(layer)):
                weight.assign(np.full(weight.shape, 1 / np.prod(weight.shape[:-1])))
            elif weight.name == "bias":
                weight.assign(np.zeros(weight.shape))
    return changed


@pytest.mark.parametrize(
    ("name", "shape", "options", "layers"),
    [
        ("lenet5-1998", (32, 32, 1), {}, ["c1", "s2", "c3", "s4"]),
        ("lenet5", (28, 28, 1), {}, ["c3", "s4"]),
        ("alexnet", (67, 67, 3), {"dense": (4, 4)}, ["conv1", "pool1", "conv2"]),
        ("zfnet", (64, 64, 3), {"dense": (4, 4)}, ["pool1", "conv2"]),
        ("vgg11", (48, 48, 3), {"dense": (4, 4)}, ["pool2", "conv3_2"]),
        ("googlenet", (48, 48, 3), {"auxiliary": False}, ["conv2", "inception_3a"]),
        ("resnet18", (64, 64, 3), {}, ["conv2_1_a", "conv3_1_add"]),
        ("cifar-resnet20", (32, 32, 3), {}, ["conv2_3_add", "conv3_1_add"]),
    ],
)
def test_fields_are_where_derivatives_are_not_zero(
    name: str,
    shape: tuple[int, int, int],
    options: dict[str, Any],
    layers: list[str],
    noise_images: Callable[..., np.ndarray],
) -> None:
    model = averaging(build_model(name, input_shape=shape, classes=3, **options))
    maps = feature_maps(model)
    images = noise_images(1, *shape) // 4 + 190  # brighter than the mean: every ReLU is on
    for layer in layers:
        height, width, _ = maps[layer].shape
        for position in {(0, 0), (height // 2, width // 2), (height - 1, width - 1)}:
            found = effective_field(model, maps[layer], [images], position)
            expected = np.zeros(shape[:2], bool)
            expected[clipped(receptive_field_of(maps[layer], position), shape)] = True
            reached = found > 0
            rows, columns = (np.flatnonzero(reached.any(axis=axis)) for axis in (1, 0))
            inside = np.argwhere(expected)
            assert (rows[0], columns[0]) == tuple(inside.min(axis=0)), (layer, position)
            assert (rows[-1], columns[-1]) == tuple(inside.max(axis=0)), (layer, position)
            assert not reached[~expected].any()


def one_convolution(kernel: np.ndarray) -> keras.Model:
    images = keras.Input((7, 7, kernel.shape[2]), dtype="uint8", name="images")
    x = keras.layers.Rescaling(1.0, name="pixels")(images)
    x = keras.layers.Conv2D(
        kernel.shape[3], kernel.shape[:2], use_bias=False, name="conv1", padding="same"
    )(x)
    model = keras.Model(images, keras.layers.Dense(2)(keras.layers.Flatten()(x)))
    model.get_layer("conv1").set_weights([kernel])
    return model


def test_the_effective_field_of_a_convolution_is_the_size_of_its_filter() -> None:
    kernel = np.random.default_rng(0).normal(size=(3, 3, 2, 4)).astype("float32")
    model = one_convolution(kernel)
    maps = feature_maps(model)["conv1"]
    batches = [np.zeros((n, 7, 7, 2), np.uint8) for n in (3, 2)]
    expected = np.zeros((7, 7))
    expected[1:4, 3:6] = np.abs(kernel[..., 2]).sum(axis=-1)
    found = effective_field(model, maps, batches, (2, 4), unit=2)
    np.testing.assert_allclose(found, expected, rtol=1e-6)
    expected[1:4, 3:6] = np.abs(kernel.sum(axis=-1)).sum(axis=-1)
    np.testing.assert_allclose(effective_field(model, maps, batches, (2, 4)), expected, rtol=1e-6)
    assert receptive_field_of(maps, (2, 4)) == ((1, 4), (3, 6))
    assert receptive_field_of(maps, (0, 6)) == ((-1, 2), (5, 8))
    assert clipped(((-1, 2), (5, 8)), (7, 7, 2)) == (slice(0, 2), slice(5, 7))


def test_the_effective_field_is_smaller_than_what_is_seen() -> None:
    """Luo et al. 2016, section 2: nearly a Gaussian, in the middle."""
    model = averaging(build_model("cifar-plain20", input_shape=(32, 32, 3), classes=3))
    maps = feature_maps(model)["conv2_3_b"]
    found = effective_field(model, maps, [np.full((1, 32, 32, 3), 128, np.uint8)], (16, 16))
    assert (found > 0).sum() == maps.fields[0].size ** 2 == 15**2
    assert found.argmax() == 16 * 32 + 16
    assert most_of(found).sum() < 0.5 * 15**2


def test_the_fewest_pixels_that_hold_a_share() -> None:
    field = np.array([[1.0, 50.0], [9.0, 40.0]])
    np.testing.assert_array_equal(most_of(field, 0.9), [[False, True], [False, True]])
    np.testing.assert_array_equal(most_of(field, 0.95), [[False, True], [True, True]])
    np.testing.assert_array_equal(most_of(field, 0.4), [[False, True], [False, False]])
    assert not most_of(np.zeros((2, 2))).any()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"position": (7, 0)}, "row: got 7, layer 'conv1' has 0 to 6"),
        ({"position": (0, -1)}, "column: got -1, layer 'conv1' has 0 to 6"),
        ({"position": (0, 0), "unit": 1}, "unit: got 1, layer 'conv1' has units 0 to 0"),
        ({"position": (0, 0), "batches": []}, "there are none"),
    ],
)
def test_what_is_not_there(options: dict[str, Any], message: str) -> None:
    model = one_convolution(np.ones((3, 3, 1, 1)))
    maps: FeatureMaps = feature_maps(model)["conv1"]
    batches = [np.zeros((1, 7, 7, 1), np.uint8)]
    with pytest.raises(UserError, match=message):
        effective_field(model, maps, **({"batches": batches} | options))
