from __future__ import annotations

import keras
import numpy as np
import pytest

from kerascnn import layers
from kerascnn.errors import UserError
from kerascnn.models.build import build_model


def test_each_image_is_dropped_or_kept_whole_and_unscaled():
    layer = layers.StochasticDepth(0.25, seed=3)
    x = np.random.default_rng(0).uniform(1, 2, (4000, 2, 2, 3)).astype("float32")
    y = np.asarray(layer(x, training=True))
    kept = y.any(axis=(1, 2, 3))
    np.testing.assert_array_equal(y[kept], x[kept])
    assert not y[~kept].any()
    assert kept.mean() == pytest.approx(0.75, abs=0.03)  # four standard deviations
    assert (np.asarray(layer(x, training=True)).any(axis=(1, 2, 3)) != kept).any()


def test_inference_is_the_mean_of_training():
    x = np.ones((2, 3), "float32")
    np.testing.assert_allclose(layers.StochasticDepth(0.25)(x), 0.75 * x)


@pytest.mark.parametrize("rate", [-0.1, 1.0])
def test_rate_must_be_a_probability_below_1(rate):
    with pytest.raises(UserError, match=f"StochasticDepth rate: got {rate}, must be at least 0"):
        layers.StochasticDepth(rate)


@pytest.mark.parametrize("name", ["cifar-resnet20", "resnet18", "resnet50"])
def test_the_rate_grows_over_the_blocks_to_the_one_given(name):
    model = build_model(
        name, input_shape=(32, 32, 3), classes=10, abstract=True, stochastic_depth=0.5
    )
    rates = [layer.rate for layer in model.layers if isinstance(layer, layers.StochasticDepth)]
    blocks = sum(isinstance(layer, keras.layers.Add) for layer in model.layers)
    np.testing.assert_allclose(rates, np.arange(1, blocks + 1) / blocks * 0.5)


def test_a_plain_network_has_nothing_to_leave_blocks_out_of():
    with pytest.raises(UserError, match="stochastic_depth: got 0.5, but a plain network has no"):
        build_model("cifar-plain20", input_shape=(32, 32, 3), classes=10, stochastic_depth=0.5)


def test_the_general_network_drops_pixels():
    model = build_model("convnet", input_shape=(8, 8, 1), classes=10, input_dropout=0.3)
    assert model.get_layer("image_drop").rate == 0.3
