"""Gradients of kernels as matrix products are those of Keras's own convolution."""

from __future__ import annotations

import numpy as np
import pytest

from kerascnn.backend import keras, tf
from kerascnn.kernels.product_gradient import ProductGradientConv2D, takes_products
from kerascnn.kernels.table import plain, quicken


@pytest.mark.parametrize("batch", [1, 5])
@pytest.mark.parametrize(
    ("size", "kernel", "filters"), [((7, 7), 3, 8), ((5, 8), 3, 6), ((8, 3), 5, 4), ((1, 2), 3, 4)]
)
def test_results_and_gradients_are_those_of_keras(batch, size, kernel, filters) -> None:
    random = np.random.default_rng(0)
    x = tf.constant(random.normal(size=(batch, *size, 6)).astype("float32"))
    upstream = tf.constant(random.normal(size=(batch, *size, filters)).astype("float32"))
    ours = ProductGradientConv2D(filters, kernel, padding="same")
    theirs = keras.layers.Conv2D(filters, kernel, padding="same")
    for layer in (ours, theirs):
        layer.build(x.shape)
    theirs.set_weights(ours.get_weights())
    results = []
    for layer in (ours, theirs):

        @tf.function(input_signature=[tf.TensorSpec((None, *x.shape[1:]))])
        def step(x, layer=layer):
            with tf.GradientTape() as tape:
                tape.watch(x)
                y = layer(x)
            return [y, *tape.gradient(y, [x, *layer.trainable_weights], upstream)]

        results.append([np.asarray(value) for value in step(x)])
    assert len(results[0]) == 4  # the maps, and gradients of images, kernel and bias
    for mine, yours in zip(*results, strict=True):
        np.testing.assert_allclose(mine, yours, atol=1e-5 * np.abs(yours).max())


def _convolution(channels: int = 64, **options) -> keras.Layer:
    arguments = {"filters": 64, "kernel_size": 3, "padding": "same"} | options
    images = keras.Input((8, 8, channels))
    layer = keras.layers.Conv2D(**arguments)
    layer(images)
    return layer


@pytest.mark.parametrize(
    ("options", "takes"),
    [
        ({}, True),
        ({"kernel_size": 5, "filters": 96}, True),
        ({"channels": 32}, False),
        ({"filters": 63}, False),
        ({"strides": 2}, False),
        ({"dilation_rate": 2}, False),
        ({"padding": "valid"}, False),
        ({"kernel_size": 1}, False),
        ({"kernel_size": 4}, False),
        ({"kernel_size": (3, 5)}, False),
        ({"groups": 2}, False),
        ({"dtype": "mixed_bfloat16"}, False),
    ],
)
def test_what_takes_products(options, takes) -> None:
    assert takes_products(_convolution(**options)) == takes


def test_a_network_has_them_where_it_is_told_to_alone() -> None:
    images = keras.Input((6, 6, 64))
    model = keras.Model(images, keras.layers.Conv2D(64, 3, padding="same")(images))

    def kinds() -> list[str]:
        return [type(layer).__name__ for layer in model.layers[1:]]

    assert quicken(model, "cpu") is model
    assert kinds() == ["Conv2D"]
    quicken(model, "gpu:0", products=True)
    assert kinds() == ["Conv2D"]
    quicken(model, "cpu", products=True)
    assert kinds() == ["ProductGradientConv2D"]
    plain(model)
    assert kinds() == ["Conv2D"]
    unknown = keras.Input((None, None, 64))
    layer = keras.layers.Conv2D(64, 3, padding="same")
    layer(unknown)
    assert not takes_products(layer), "a shift by a row needs the number of rows"
