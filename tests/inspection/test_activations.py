"""The feature maps of an image, against NumPy."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy.signal import correlate2d

from kerascnn.errors import UserError
from kerascnn.inspection.activations import dead_maps, is_signed, last_of_stages, maps_of_image
from kerascnn.inspection.layers import feature_maps
from kerascnn.models.build import build_model


@pytest.mark.parametrize("activation", ["relu", "tanh"])
def test_maps_are_what_numpy_finds(activation: str, noise_images) -> None:
    model = build_model("lenet5", input_shape=(12, 14, 1), classes=10, activation=activation)
    pixels = noise_images(1, 12, 14, 1)[0]
    layers = [feature_maps(model)[name] for name in ("c1", "s2")]
    (c1, s2), logits = maps_of_image(model, pixels, layers)
    scaled = np.pad((pixels[..., 0] - 127.5) / 64, 2)
    kernels, biases = model.get_layer("c1").get_weights()
    act: Any = {"relu": lambda x: np.maximum(x, 0), "tanh": np.tanh}[activation]
    expected = np.stack(
        [
            act(correlate2d(scaled, kernels[:, :, 0, number], "valid") + biases[number])
            for number in range(6)
        ],
        axis=-1,
    )
    np.testing.assert_allclose(c1, expected, atol=1e-5)
    pooled = expected.reshape(6, 2, 7, 2, 6).max(axis=(1, 3))
    np.testing.assert_allclose(s2, pooled, atol=1e-5)
    assert is_signed(c1) is (activation == "tanh")
    np.testing.assert_allclose(logits, model(pixels[None])[0], atol=1e-5)


def test_a_stage_ends_with_the_last_layer_of_its_size() -> None:
    def names(network: str, shape: tuple[int, int, int]) -> list[str]:
        model = build_model(network, input_shape=shape, classes=10)
        return [maps.name for maps in last_of_stages(model)]

    assert names("lenet5", (28, 28, 1)) == ["c1", "s2", "c3", "s4"]
    found = names("cifar-resnet20", (32, 32, 3))
    assert found == ["conv2_3_add", "conv3_3_add", "conv4_3_add"]
    with pytest.raises(UserError, match="^mlp has no feature maps: it is not convolutional"):
        names("mlp", (8, 8, 1))


def test_dead_maps_are_nowhere_above_zero_or_the_same_everywhere() -> None:
    rectified = np.zeros((4, 4, 3))
    rectified[2, 1, 0] = 1e-6
    rectified[..., 2] = 7
    assert dead_maps(rectified).tolist() == [False, True, False]
    signed = np.zeros((4, 4, 4))
    signed[..., 0] = -np.arange(16).reshape(4, 4) / 16
    signed[..., 2] = -0.5
    signed[0, 0, 3] = 0.1
    assert dead_maps(signed).tolist() == [False, True, True, False]
