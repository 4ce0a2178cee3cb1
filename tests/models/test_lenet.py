from __future__ import annotations

import math

import keras
import numpy as np
import pytest

from kerascnn.errors import UserError
from kerascnn.layers.lenet import class_codes
from kerascnn.models.build import build_model
from kerascnn.models.registry import model_entry
from kerascnn.training.losses import MAPCriterion, build_loss

SIZES = {  # parameters and MACs, checked in test_catalog.py
    "lenet5": (61_706, 416_520),
    "lenet5-1998": (60_000, 328_096),
}


def trainable(layer: keras.Layer) -> int:
    return sum(math.prod(weight.shape) for weight in layer.trainable_weights)


@pytest.mark.parametrize("side", [32, 28])
def test_slide_version_has_61_706_parameters(side):
    model = build_model("lenet5", input_shape=(side, side, 1), classes=10, abstract=True)
    assert model.count_params() == 61_706


def test_published_version_has_the_papers_parameters_and_connections():
    model = build_model("lenet5-1998", input_shape=(32, 32, 1), classes=10)
    table = {  # output, trainable parameters, connections (section II-B)
        "c1": ((28, 28, 6), 156, 122_304),
        "s2": ((14, 14, 6), 12, 5_880),
        "c3": ((10, 10, 16), 1_516, 151_600),
        "s4": ((5, 5, 16), 32, 2_000),
        "c5": ((120,), 48_120, 48_120),
        "f6": ((84,), 10_164, 10_164),
        "output": ((10,), 0, 840),
    }
    total = 0
    for name, (shape, parameters, connections) in table.items():
        layer = model.get_layer(name)
        assert layer.output.shape[1:] == shape, name
        assert trainable(layer) == parameters, name
        # A map of subsampling has a coefficient and a bias, but 4 inputs and a bias each.
        uses = 5 * shape[-1] if name in ("s2", "s4") else parameters or layer.count_params()
        assert uses * math.prod(shape[:-1]) == connections, name
        total += connections
    assert trainable(model) == 60_000
    assert total == 340_908


def test_published_version_starts_within_the_papers_bounds():
    model = build_model("lenet5-1998", input_shape=(32, 32, 1), classes=10)
    for name, fan_in in (("c1", 25), ("c5", 400), ("f6", 120)):
        largest = np.abs(model.get_layer(name).kernel).max()
        assert 0.9 * 2.4 / fan_in < largest <= 2.4 / fan_in


def test_published_version_takes_other_images_and_classes():
    model = build_model("lenet5-1998", input_shape=(40, 36, 3), classes=12)
    logits = model(np.zeros((2, 40, 36, 3), "uint8"))
    assert logits.shape == (2, 12)
    assert (logits.numpy() < 0).all()  # minus distances
    with pytest.raises(UserError, match="s4 would get a 1x1 map"):
        build_model("lenet5-1998", input_shape=(11, 11, 1), classes=10, abstract=True)


def test_published_version_learns_with_its_loss():
    entry = model_entry("lenet5-1998")
    assert entry.loss == "map"
    keras.utils.set_random_seed(0)
    model = build_model(entry.name, input_shape=(28, 28, 1), classes=10)
    # Ten images to tell apart: the codes themselves, drawn.
    codes = class_codes(10).T.reshape(10, 12, 7)
    images = np.zeros((10, 28, 28, 1), "uint8")
    images[:, 2:26, 7:21, 0] = np.kron(codes > 0, np.ones((1, 2, 2))) * 255
    labels = np.arange(10)
    model.compile(optimizer=keras.optimizers.Adam(5e-3), loss=build_loss(entry.loss))
    before = float(model.evaluate(images, labels, verbose=0))
    model.fit(images, labels, epochs=40, verbose=0)
    assert float(model.evaluate(images, labels, verbose=0)) < before / 4
    np.testing.assert_array_equal(np.argmax(model.predict(images, verbose=0), axis=-1), labels)


def test_losses_by_name():
    assert isinstance(build_loss("map", soft_labels=True), MAPCriterion)
    logits = np.array([[2.0, -1.0]], "float32")
    hard = build_loss("crossentropy")(np.array([1]), logits)
    soft = build_loss("crossentropy", soft_labels=True)(np.array([[0.0, 1.0]]), logits)
    assert float(hard) == pytest.approx(float(soft)) == pytest.approx(3 + math.log1p(math.exp(-3)))
