from __future__ import annotations

import keras
import numpy as np
import pytest

from kerascnn.errors import UserError
from kerascnn.models.build import build_model

SIZES = {  # parameters and MACs, checked in test_catalog.py
    "cuda-convnet": (3_672_906, 34_689_024),
    "stochastic-pooling": (220_042, 37_693_440),
    "dropout-convnet": (13_741_578, 151_048_192),
}

CIFAR = (32, 32, 3)


def shapes(model: keras.Model, *names: str) -> list[tuple[int, ...]]:
    return [model.get_layer(name).output.shape[1:] for name in names]


def test_cuda_convnet_is_the_published_configuration():
    model = build_model("cuda-convnet", input_shape=CIFAR, classes=10)
    assert model.count_params() == 3_672_906
    counts = {name: model.get_layer(name).count_params() for name in ("local3", "local4", "fc5")}
    assert counts == {"local3": 2_363_392, "local4": 1_181_696, "fc5": 20_490}
    assert shapes(model, "pool1", "pool2", "local4") == [(16, 16, 64), (8, 8, 64), (8, 8, 32)]
    for name, std in (("conv1", 1e-4), ("conv2", 0.01), ("local3", 0.04), ("fc5", 0.01)):
        assert np.std(model.get_layer(name).kernel) == pytest.approx(std, rel=0.03)
    order = [layer.name for layer in model.layers]
    assert order.index("pool1") < order.index("norm1")
    assert order.index("norm2") < order.index("pool2")


def test_cuda_convnet_decays_its_last_layers_by_half_the_square():
    model = build_model("cuda-convnet", input_shape=(8, 8, 3), classes=10)
    decays = {"local3": 0.004, "local4": 0.004, "fc5": 0.01}
    expected = sum(
        decay / 2 * (model.get_layer(name).kernel.numpy() ** 2).sum()
        for name, decay in decays.items()
    )
    assert float(sum(model.losses)) == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize("pooling", ["stochastic", "max", "average"])
def test_stochastic_pooling_network(pooling):
    model = build_model("stochastic-pooling", input_shape=CIFAR, classes=10, pooling=pooling)
    assert model.count_params() == 220_042
    expected = [(16, 16, 64), (8, 8, 64), (4, 4, 64)]
    assert shapes(model, "pool1", "pool2", "pool3") == expected
    images = np.random.default_rng(0).integers(0, 256, (2, *CIFAR), dtype="uint8")
    first, second = (model(images, training=True).numpy() for _ in range(2))
    assert (first != second).any() == (pooling == "stochastic")


@pytest.mark.parametrize(("classes", "parameters"), [(10, 13_741_578), (100, 13_925_988)])
def test_dropout_network_parameters(classes, parameters):
    model = build_model("dropout-convnet", input_shape=CIFAR, classes=classes, abstract=True)
    assert model.count_params() == parameters
    expected = [(16, 16, 96), (8, 8, 128), (4, 4, 256)]
    assert shapes(model, "pool1", "pool2", "pool3") == expected


@pytest.mark.parametrize(
    ("dropout", "rates"),
    [("none", []), ("fc", [0.5, 0.5]), ("all", [0.1, 0.25, 0.25, 0.5, 0.5, 0.5])],
)
def test_dropout_network_drops_where_it_is_told(dropout, rates):
    model = build_model(
        "dropout-convnet", input_shape=CIFAR, classes=10, dropout=dropout, abstract=True
    )
    drops = [layer for layer in model.layers if isinstance(layer, keras.layers.Dropout)]
    assert [drop.rate for drop in drops] == rates


def test_dropout_network_bounds_every_units_weights():
    model = build_model("dropout-convnet", input_shape=(8, 8, 3), classes=10, max_norm=0.5)
    for layer in model.layers:
        if not hasattr(layer, "kernel"):
            continue
        bounded = layer.kernel_constraint(layer.kernel).numpy()
        norms = np.linalg.norm(bounded.reshape(-1, bounded.shape[-1]), axis=0)
        np.testing.assert_allclose(norms.max(), 0.5, rtol=1e-3)
    free = build_model("dropout-convnet", input_shape=(8, 8, 3), classes=10, max_norm=None)
    assert free.get_layer("conv1").kernel_constraint is None


@pytest.mark.parametrize(
    ("name", "side", "layer"),
    [
        ("cuda-convnet", 4, "pool2"),
        ("stochastic-pooling", 8, "pool3"),
        ("dropout-convnet", 8, "pool3"),
    ],
)
def test_images_too_small_are_refused(name, side, layer):
    build_model(name, input_shape=(side, side + 3, 1), classes=3, abstract=True)
    with pytest.raises(UserError, match=f"{layer} would get a 1x"):
        build_model(name, input_shape=(side - 1, side + 3, 1), classes=3, abstract=True)


def test_impossible_options_are_refused():
    with pytest.raises(UserError, match="dropout: got 'half'"):
        build_model("dropout-convnet", input_shape=CIFAR, classes=10, dropout="half")
    with pytest.raises(UserError, match="pooling: got 'min'"):
        build_model("stochastic-pooling", input_shape=CIFAR, classes=10, pooling="min")
    with pytest.raises(UserError, match="max_norm: got 0"):
        build_model("dropout-convnet", input_shape=CIFAR, classes=10, max_norm=0)
