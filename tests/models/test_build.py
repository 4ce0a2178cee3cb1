"""From a name to a model, and what is said when that cannot be."""

from __future__ import annotations

import pytest

from kerascnn import build_model
from kerascnn.backend import keras
from kerascnn.errors import UserError


def test_an_image_too_small_names_the_layer_and_the_smallest_that_works() -> None:
    with pytest.raises(
        UserError,
        match=r"^lenet5: c3 would get a 3x3 map, smaller than its 5x5 window; "
        r"the smallest input is 12x12$",
    ):
        build_model("lenet5", input_shape=(7, 7, 1), classes=10)
    build_model("lenet5", input_shape=(12, 12, 1), classes=10)
    with pytest.raises(UserError, match="the smallest input is 32x32"):
        build_model("vgg16", input_shape=(200, 31, 3), classes=10)


def test_an_abstract_model_has_shapes_and_no_values() -> None:
    model = build_model("resnet18", input_shape=(64, 64, 3), classes=10, abstract=True)
    assert model.output_shape == (None, 10)
    assert all(weight._value is None for weight in model.weights)
    # Building something real afterwards must not fill them in.
    keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])(keras.ops.ones((1, 2)))
    keras.layers.Lambda(lambda x: x + 1)(keras.Input((2,)))
    assert all(weight._value is None for weight in model.weights)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"input_shape": (28, 28)}, r"input_shape: got \(28, 28\), must be \(height"),
        ({"input_shape": (28, 0, 1)}, r"input_shape: got \(28, 0, 1\)"),
        ({"classes": 1}, "classes: got 1, must be at least 2"),
        ({"classes": -3}, "classes: got -3"),
        ({"model": "vgg17"}, "unknown model 'vgg17': did you mean vgg1"),
        ({"activation": "rely"}, "activation: got 'rely'"),
        ({"poling": "max"}, "unknown field 'poling': did you mean pooling"),
        ({"model": "alexnet", "groups": (2, 0, 2)}, "groups.1: got 0"),
        ({"model": "alexnet", "groups": (2, 7, 2), "input_shape": (99, 99, 3)}, "groups: got 7"),
    ],
)
def test_mistakes_name_the_field(arguments: dict, message: str) -> None:
    usual: dict = {"model": "lenet5", "input_shape": (28, 28, 1), "classes": 10}
    with pytest.raises(UserError, match=message):
        build_model(**usual | arguments)
