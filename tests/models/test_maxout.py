from __future__ import annotations

import keras
import numpy as np
import pytest

from kerascnn.errors import UserError
from kerascnn.models.build import build_model

SIZES = {  # parameters and MACs, checked in test_catalog.py
    "maxout-mnist": (471_994, 30_746_736),
    "maxout-mlp": (1_233_610, 1_231_200),
    "maxout-cifar10": (16_247_830, 732_290_696),
}

MNIST, CIFAR = (28, 28, 1), (32, 32, 3)


@pytest.mark.parametrize(
    ("name", "shape", "options", "parameters"),
    [
        ("maxout-mnist", MNIST, {}, 471_994),
        ("maxout-mnist", MNIST, {"untied_biases": False}, 418_714),
        ("maxout-mlp", MNIST, {}, 1_233_610),
        ("maxout-cifar10", CIFAR, {}, 16_247_830),
    ],
)
def test_parameters_are_those_of_the_published_configurations(name, shape, options, parameters):
    model = build_model(name, input_shape=shape, classes=10, abstract=True, **options)
    assert model.count_params() == parameters


@pytest.mark.parametrize(
    ("name", "shape", "detectors", "pooled"),
    [
        ("maxout-mnist", MNIST, (21, 9, 6), (10, 4, 3)),
        ("maxout-cifar10", CIFAR, (33, 15, 9), (16, 7, 5)),
    ],
)
def test_stages_have_the_published_sizes(name, shape, detectors, pooled):
    model = build_model(name, input_shape=shape, classes=10, abstract=True)
    for number in range(3):
        assert model.get_layer(f"h{number}").output.shape[1] == detectors[number]
        assert model.get_layer(f"h{number}_pool").output.shape[1] == pooled[number]


def test_weights_start_small_and_are_bounded():
    model = build_model("maxout-mnist", input_shape=MNIST, classes=10)
    for name, norm in (("h0", 0.9), ("h1", 1.9365), ("h2", 1.9365), ("y", 1.9365)):
        layer = model.get_layer(name)
        assert 0.0049 < np.abs(layer.kernel).max() <= 0.005
        bounded = np.asarray(layer.kernel_constraint(100 * layer.kernel))
        norms = np.linalg.norm(bounded.reshape(-1, bounded.shape[-1]), axis=0)
        np.testing.assert_allclose(norms, norm, rtol=1e-3)


@pytest.mark.parametrize("name", ["maxout-mnist", "maxout-mlp"])
def test_drops_the_image_and_the_input_of_every_other_layer(name):
    model = build_model(name, input_shape=MNIST, classes=10, abstract=True)
    drops = [layer for layer in model.layers if isinstance(layer, keras.layers.Dropout)]
    others = 3 if name == "maxout-mnist" else 2
    assert [drop.rate for drop in drops] == [0.2] + [0.5] * others
    plain = build_model(
        name, input_shape=MNIST, classes=10, image_dropout=0, dropout=0, abstract=True
    )
    assert not any(isinstance(layer, keras.layers.Dropout) for layer in plain.layers)


@pytest.mark.parametrize(("name", "side"), [("maxout-mnist", 16), ("maxout-cifar10", 8)])
def test_images_too_small_are_refused(name, side):
    build_model(name, input_shape=(side, side, 3), classes=4, abstract=True)
    with pytest.raises(UserError, match="h1_pool would get a 2x"):
        build_model(name, input_shape=(side - 1, side, 3), classes=4, abstract=True)
