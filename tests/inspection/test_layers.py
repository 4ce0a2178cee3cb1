"""The layers that one looks into: names, feature maps, and what they compute."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from kerascnn.backend import keras
from kerascnn.errors import UserError
from kerascnn.inspection.layers import feature_maps, followed, last_maps, maps_of, stages
from kerascnn.models.build import build_model


def test_lenet5s_feature_maps_come_out_behind_the_activation() -> None:
    model = build_model("lenet5", input_shape=(32, 32, 1), classes=10)
    found = feature_maps(model)
    assert list(found) == ["c1", "s2", "c3", "s4"]
    assert found["c3"].shape == (10, 10, 16)
    assert [field.size for field in found["c3"].fields] == [14, 14]
    assert found["c3"].what == "conv 5x5"


def test_what_comes_out_is_behind_batch_norm_and_activation_and_before_the_next_layer(
    noise_images: Callable[..., np.ndarray],
) -> None:
    model = build_model("cifar-resnet20", input_shape=(32, 32, 3), classes=10, abstract=False)
    found = feature_maps(model)
    assert {"conv1", "conv2_1_a", "conv2_1_add", "conv4_3_add"} <= set(found)
    names = [found["conv1"].output, found["conv2_1_b"].output, found["conv4_3_add"].output]
    first, inner, last, logits = followed(model, names)(noise_images(2, 32, 32, 3))
    assert float(np.min(first)) == 0  # a ReLU is behind it
    assert float(np.min(last)) == 0
    assert float(np.min(inner)) < 0  # it is added before the next one
    assert logits.shape == (2, 10)
    plain = model(noise_images(2, 32, 32, 3))
    assert np.array_equal(logits, plain)


def test_dropout_and_padding_stay_outside() -> None:
    images = keras.Input((8, 8, 1))
    x = keras.layers.Conv2D(4, 3, name="one")(images)
    x = keras.layers.ReLU(name="relu")(x)
    x = keras.layers.Dropout(0.5)(x)
    x = keras.layers.ZeroPadding2D(1)(x)
    x = keras.layers.Conv2D(4, 3, activation="relu", name="two")(x)
    model = keras.Model(images, keras.layers.GlobalAveragePooling2D()(x))
    assert [maps.output for maps in feature_maps(model).values()] == ["relu", "two"]


def test_unknown_layers_and_those_without_maps_are_told() -> None:
    model = build_model("lenet5", input_shape=(32, 32, 1), classes=10)
    assert maps_of(model, "c1").shape == (28, 28, 6)
    with pytest.raises(UserError, match=r"^unknown layer 'c2': did you mean c1 or c3"):
        maps_of(model, "c2")
    with pytest.raises(UserError, match=r"^layer 'f6' has no feature maps of its own: known: c1"):
        maps_of(model, "f6")


def test_the_last_maps_are_larger_than_one_position() -> None:
    assert last_maps(build_model("lenet5", input_shape=(32, 32, 1), classes=10)).name == "s4"
    mlp = build_model("mlp", input_shape=(8, 8, 1), classes=10)
    with pytest.raises(UserError, match=r"^mlp has no feature maps: it is not convolutional$"):
        last_maps(mlp)


@pytest.mark.parametrize(
    ("name", "shape", "expected"),
    [
        ("lenet5", (32, 32, 1), ["c1", "s2", "c3", "s4", "c5", "f6", "logits"]),
        ("linear", (8, 8, 1), ["logits"]),
        ("cifar-resnet20", (32, 32, 3), None),
    ],
)
def test_the_layers_that_are_followed(name, shape, expected) -> None:
    model = build_model(name, input_shape=shape, classes=10, abstract=True)
    found = stages(model)
    if expected is None:
        shapes = [model.get_layer(layer).output.shape[1:] for layer in found]
        assert [tuple(shape) for shape in shapes] == [
            (32, 32, 16), (16, 16, 32), (8, 8, 64), (64,), (10,)
        ]  # fmt: skip
    else:
        assert found == expected


def test_of_many_layers_eight_are_followed() -> None:
    inputs = x = keras.Input((30, 30, 1))
    for number in range(12):
        x = keras.layers.Conv2D(1, 3, name=f"conv{number}")(x)
    model = keras.Model(inputs, x)
    assert stages(model) == [f"conv{number}" for number in (0, 2, 3, 5, 6, 8, 9, 11)]
