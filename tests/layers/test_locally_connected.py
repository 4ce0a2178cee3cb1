from __future__ import annotations

import keras
import numpy as np
import pytest

from kerascnn import layers
from kerascnn.errors import UserError


@pytest.mark.parametrize("padding", ["valid", "same"])
@pytest.mark.parametrize("strides", [1, 2])
@pytest.mark.parametrize("side", [7, 8])
def test_equal_weights_everywhere_make_a_convolution(padding, strides, side):
    x = np.random.default_rng(0).normal(size=(2, side, side + 1, 3)).astype("float32")
    conv = keras.layers.Conv2D(4, 3, strides=strides, padding=padding, activation="relu")
    expected = conv(x)
    local = layers.LocallyConnected2D(4, 3, strides=strides, padding=padding, activation="relu")
    local.build(x.shape)
    height, width = expected.shape[1:3]
    kernel = np.reshape(conv.kernel, (27, 4))
    local.kernel.assign(np.broadcast_to(kernel, (height, width, 27, 4)))
    np.testing.assert_allclose(local(x), expected, rtol=1e-4, atol=1e-5)


def test_each_position_has_its_own_weights():
    x = np.random.default_rng(0).normal(size=(2, 4, 5, 3)).astype("float32")
    layer = layers.LocallyConnected2D(2, 3)
    y = layer(x)
    kernel, bias = layer.get_weights()
    assert kernel.shape == (2, 3, 27, 2)
    assert bias.shape == (2, 3, 2)
    for i, j in np.ndindex(2, 3):
        patch = x[:, i : i + 3, j : j + 3].reshape(2, 27)
        np.testing.assert_allclose(
            y[:, i, j], patch @ kernel[i, j] + bias[i, j], rtol=1e-4, atol=1e-5
        )
    assert layer.macs((4, 5, 3)) == 2 * 3 * 27 * 2


def test_starts_by_the_fan_in_of_a_window():
    layer = layers.LocallyConnected2D(32, 3, kernel_initializer="he_normal")
    layer.build((None, 8, 8, 16))
    assert np.std(layer.kernel) == pytest.approx(np.sqrt(2 / (9 * 16)), rel=0.02)
    assert np.std(layer.kernel[0, 0] - layer.kernel[1, 1]) > 0


def test_without_biases():
    layer = layers.LocallyConnected2D(2, 3, use_bias=False)
    layer.build((None, 4, 4, 1))
    assert [weight.name for weight in layer.weights] == ["kernel"]


def test_mistakes_are_named():
    with pytest.raises(UserError, match="got filters 0"):
        layers.LocallyConnected2D(0, 3)
    with pytest.raises(UserError, match="padding: got 'full'"):
        layers.LocallyConnected2D(1, 3, padding="full")  # type: ignore[arg-type]  # the mistake
    with pytest.raises(UserError, match="a 3x3 window does not fit"):
        layers.LocallyConnected2D(1, 3)(keras.Input((2, 5, 1)))
    with pytest.raises(UserError, match="maps of known size"):
        layers.LocallyConnected2D(1, 3)(keras.Input((None, 5, 1)))
