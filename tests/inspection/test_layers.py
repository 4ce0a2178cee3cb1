"""Looking into the layers of a network: names, feature maps, and what they compute."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from kerascnn.backend import keras, tf
from kerascnn.errors import UserError
from kerascnn.inspection.layers import (
    feature_maps,
    followed,
    from_floats,
    images_at_once,
    last_maps,
    logits_of,
    maps_of,
    stages,
)
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
    with pytest.raises(
        UserError, match=r"^unknown layer 'c2': known: c1, c3, s2, s4\. 'kerascnn summary'"
    ):
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


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("lenet5", {}),
        ("lenet5-1998", {}),
        ("convnet", {"batch_norm": True, "filters": 4, "dense": [8]}),
        ("cifar-resnet20", {"n": 1}),
    ],
)
def test_a_network_of_floats_gives_the_same_logits_and_has_gradients(
    name: str, options: dict[str, Any]
) -> None:
    keras.utils.set_random_seed(0)
    model = build_model(name, input_shape=(28, 28, 1), classes=4, **options)
    images = np.random.default_rng(0).integers(0, 256, (3, 28, 28, 1), dtype=np.uint8)
    before = feature_maps(model)
    copy = from_floats(model)
    assert copy.inputs[0].dtype == "float32"
    assert [layer.name for layer in copy.layers] == [layer.name for layer in model.layers]
    np.testing.assert_array_equal(copy(images.astype("float32")), model(images))
    assert feature_maps(copy) == feature_maps(model) == before

    pixels = tf.constant(images, "float32")
    with tf.GradientTape() as tape:
        tape.watch(pixels)
        logits = copy(pixels)[:, 1]
    gradient = tape.gradient(logits, pixels)
    assert gradient is not None
    assert np.isfinite(gradient).all()
    assert np.any(gradient, axis=(1, 2, 3)).all()


def test_layers_of_the_copy_can_be_exchanged() -> None:
    keras.utils.set_random_seed(0)
    model = build_model("lenet5", input_shape=(28, 28, 1), classes=4)
    images = np.random.default_rng(0).integers(0, 256, (3, 28, 28, 1), dtype=np.uint8)

    def linear(layer: keras.Layer) -> keras.Layer:
        if isinstance(layer, keras.layers.Conv2D):
            layer.activation = keras.activations.linear
        return layer

    copy, before = from_floats(model, linear), model(images)
    assert copy.get_layer("c1").activation is keras.activations.linear
    assert not np.allclose(copy(images.astype("float32")), before)
    np.testing.assert_array_equal(model(images), before)


def test_images_come_in_batches_that_fit() -> None:
    small = build_model("mlp", input_shape=(28, 28, 1), classes=4, abstract=True)
    large = build_model("vgg16", input_shape=(224, 224, 3), classes=4, abstract=True)
    assert images_at_once(small) == 256
    assert 1 <= images_at_once(large) < 8


def test_logits_of_many_images(noise_images) -> None:
    keras.utils.set_random_seed(0)
    model, images = build_model("mlp", input_shape=(4, 4, 1), classes=3), noise_images(300, 4, 4, 1)
    np.testing.assert_allclose(logits_of(model, images), model(images), atol=1e-6)


def test_maps_end_before_branches_meet() -> None:
    model = build_model("cifar-resnet20", input_shape=(32, 32, 3), classes=10)
    ends = {name: maps.output for name, maps in feature_maps(model).items()}
    assert ends["conv1"] == "conv1_relu"
    assert ends["conv2_1_b"] == "conv2_1_b_bn"
    assert ends["conv2_1_add"] == "conv2_1_relu"
