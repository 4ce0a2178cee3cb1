"""Deconvnet reconstructions, against a walk in NumPy, and their support in real networks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from kerascnn import build_model
from kerascnn.backend import keras
from kerascnn.errors import UserError
from kerascnn.inspection.deconvnet import Deconvnet
from kerascnn.inspection.layers import feature_maps
from kerascnn.inspection.receptive_field import clipped, receptive_field_of
from kerascnn.layers import LRN

STRIDE, POOL = 2, 3  # overlapping windows, as AlexNet's


def two_layers(*, lrn: bool = False) -> keras.Model:
    """13x13x2 pixels, 3x3 conv to 4 maps, ReLU, 3x3/2 max pool, 2x2 conv to 3 maps, ReLU."""
    images = keras.Input((13, 13, 2), dtype="uint8", name="images")
    x = keras.layers.Rescaling(1 / 255, name="pixels")(images)
    x = keras.layers.Conv2D(4, 3, activation="relu", name="conv1")(x)
    if lrn:
        x = LRN(name="norm1")(x)
    x = keras.layers.MaxPooling2D(POOL, STRIDE, name="pool1")(x)
    x = keras.layers.Conv2D(3, 2, activation="relu", name="conv2")(x)
    x = keras.layers.Dense(2, name="logits")(keras.layers.Flatten()(x))
    model = keras.Model(images, x)
    rng = np.random.default_rng(1)
    model.set_weights([rng.normal(0, 0.5, weight.shape) for weight in model.weights])
    return model


def convolved(x: np.ndarray, kernel: np.ndarray, bias: np.ndarray) -> np.ndarray:
    """Maps (H, W, C) by a kernel (h, w, C, F), cell by cell."""
    high, wide, _, filters = kernel.shape
    out = np.zeros((x.shape[0] - high + 1, x.shape[1] - wide + 1, filters))
    for i in range(out.shape[0]):
        for j in range(out.shape[1]):
            out[i, j] = np.tensordot(x[i : i + high, j : j + wide], kernel, axes=3) + bias
    return out


def pooled(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The maxima of maps (H, W, C), and the switches: row and column of each."""
    side = (x.shape[0] - POOL) // STRIDE + 1
    out = np.zeros((side, side, x.shape[2]))
    switches = np.zeros((*out.shape, 2), int)
    for i, j, c in np.ndindex(*out.shape):
        window = x[i * STRIDE :, j * STRIDE :, c][:POOL, :POOL]
        row, column = np.unravel_index(window.argmax(), window.shape)
        out[i, j, c] = window[row, column]
        switches[i, j, c] = i * STRIDE + row, j * STRIDE + column
    return out, switches


def unpooled(signal: np.ndarray, switches: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    out = np.zeros(shape)
    for i, j, c in np.ndindex(*signal.shape):
        out[(*switches[i, j, c], c)] += signal[i, j, c]
    return out


def transposed(signal: np.ndarray, kernel: np.ndarray) -> np.ndarray:
    """The transposed convolution: each cell of (H, W, F) lays its filter down."""
    high, wide, channels, _ = kernel.shape
    out = np.zeros((signal.shape[0] + high - 1, signal.shape[1] + wide - 1, channels))
    for i in range(signal.shape[0]):
        for j in range(signal.shape[1]):
            out[i : i + high, j : j + wide] += kernel @ signal[i, j]
    return out


def by_hand(
    model: keras.Model, image: np.ndarray, unit: int, position: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """The reconstruction of a unit of conv2, and the maps of conv1 on the way up."""
    k1, b1, k2, b2, *_ = (np.asarray(weight, "float64") for weight in model.get_weights())
    first = np.maximum(convolved(image / 255, k1, b1), 0)
    low, switches = pooled(first)
    second = np.maximum(convolved(low, k2, b2), 0)
    kept = np.zeros_like(second)
    kept[(*position, unit)] = second[(*position, unit)]
    signal = transposed(np.maximum(kept, 0), k2)
    signal = np.maximum(unpooled(signal, switches, first.shape), 0)
    return transposed(signal, k1) / 255, first


def test_reconstructions_are_those_of_a_walk_with_explicit_switches() -> None:
    model = two_layers()
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (200, 13, 13, 2), dtype=np.uint8)
    units, positions = rng.integers(0, 3, 200), rng.integers(0, 4, (200, 2))
    deconvnet = Deconvnet(model, ["conv2"])
    found = deconvnet.reconstruct("conv2", images, units, positions)
    assert found.dtype == np.float32
    assert found.shape == images.shape
    on: list[bool] = []
    for image, unit, position, one in zip(images[:40], units, positions, found, strict=False):
        expected, first = by_hand(model, image, unit, position)
        np.testing.assert_allclose(one, expected, atol=1e-7)
        on.append(bool(expected.any()))
        assert not (first > 0).all(), "some ReLUs are off, where the rule differs from derivatives"
    assert sum(on) > 10
    # Batches of any size give the same.
    for i in (150, 199):
        alone = deconvnet.reconstruct("conv2", images[[i]], units[[i]], positions[[i]])
        np.testing.assert_allclose(alone[0], found[i], atol=1e-7)


def test_a_unit_of_the_first_layer_is_its_filter_times_its_activation() -> None:
    model = two_layers()
    images = np.random.default_rng(0).integers(0, 256, (6, 13, 13, 2), dtype=np.uint8)
    kernel, bias = model.get_layer("conv1").get_weights()
    found = Deconvnet(model, ["conv1"]).reconstruct(
        "conv1", images, np.arange(6) % 4, np.full((6, 2), (2, 7))
    )
    for number, one in enumerate(found):
        unit = number % 4
        value = np.tensordot(images[number, 2:5, 7:10] / 255, kernel[..., unit], axes=3)
        expected = np.zeros((13, 13, 2))
        expected[2:5, 7:10] = kernel[..., unit] * max(value + bias[unit], 0) / 255
        np.testing.assert_allclose(one, expected, atol=1e-7)


def test_local_response_normalisation_is_passed_by() -> None:
    """Only its values on the way up change anything: switches and the kept activation."""
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (40, 13, 13, 2), dtype=np.uint8)
    units, positions = rng.integers(0, 3, 40), rng.integers(0, 4, (40, 2))
    plain, normalised = (
        Deconvnet(two_layers(lrn=lrn), ["conv2"]).reconstruct("conv2", images, units, positions)
        for lrn in (False, True)
    )
    shared = 0
    for one, other in zip(plain, normalised, strict=True):
        if one.any() and other.any() and ((one != 0) == (other != 0)).all():
            scale = one[one != 0] / other[other != 0]
            np.testing.assert_allclose(scale, scale[0], rtol=1e-3)
            shared += 1
    assert shared > 2


def narrow(name: str, shape: tuple[int, int, int], **options: Any) -> keras.Model:
    keras.utils.set_random_seed(0)
    return build_model(name, input_shape=shape, classes=3, **options)


@pytest.mark.parametrize(
    ("name", "shape", "options", "layers"),
    [
        ("alexnet", (67, 67, 3), {"dense": (4, 4)}, None),
        ("zfnet", (64, 64, 3), {"dense": (4, 4)}, ["conv1", "norm1", "conv2", "conv5"]),
        (
            "vgg11",
            (64, 64, 3),
            {"dense": (4, 4)},
            ["pool1", "pool2", "pool3", "pool4"],
        ),
        (
            "googlenet",
            (64, 64, 3),
            {"auxiliary": False},
            ["conv1", "conv2", "pool2", "inception_3a", "inception_4a"],
        ),
        ("resnet18", (64, 64, 3), {}, ["conv1", "conv2_2_add", "conv3_2_add", "conv4_2_add"]),
        ("cifar-resnet20", (32, 32, 3), {}, ["conv1", "conv2_3_add", "conv3_1_add", "conv3_1_a"]),
        ("lenet5-1998", (32, 32, 1), {}, None),
    ],
)
def test_nothing_is_reconstructed_that_the_unit_does_not_see(
    name: str,
    shape: tuple[int, int, int],
    options: dict[str, Any],
    layers: list[str] | None,
    noise_images: Callable[..., np.ndarray],
) -> None:
    model = narrow(name, shape, **options)
    maps = feature_maps(model)
    names = layers or list(maps)
    deconvnet = Deconvnet(model, names)
    images = noise_images(3, *shape)
    something = 0
    for layer in names:
        height, width, units = maps[layer].shape
        # In a corner, in the middle, and somewhere.
        positions = np.array([(0, 0), (height // 2, width // 2), (height - 1, width // 3)])
        found = deconvnet.reconstruct(layer, images, np.arange(3) % units, positions)
        assert found.shape == images.shape
        for position, one in zip(positions.tolist(), found, strict=True):
            outside = np.ones(shape[:2], bool)
            outside[clipped(receptive_field_of(maps[layer], tuple(position)), shape)] = False
            assert not one[outside].any(), layer
            something += one.any()
    assert something > len(names)


def test_a_layer_that_is_not_there() -> None:
    with pytest.raises(UserError, match="unknown layer 'conv3'.*conv1"):
        Deconvnet(two_layers(), ["conv3"])
