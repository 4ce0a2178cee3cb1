"""Looking into the layers of a network."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from kerascnn import build_model
from kerascnn.backend import keras, tf
from kerascnn.inspection.layers import feature_maps, from_floats


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("lenet5", {}),
        ("lenet5-1998", {}),
        ("convnet", {"batch_norm": True, "filters": 4, "dense": [8]}),
        ("cifar-resnet20", {}),
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


def test_maps_end_before_branches_meet() -> None:
    model = build_model("cifar-resnet20", input_shape=(32, 32, 3), classes=10)
    ends = {name: maps.output for name, maps in feature_maps(model).items()}
    assert ends["conv1"] == "conv1_relu"
    assert ends["conv2_1_b"] == "conv2_1_b_bn"
    assert ends["conv2_1_add"] == "conv2_1_relu"
