"""Gradients of kernels as matrix products are those of Keras's own convolution."""

from __future__ import annotations

import numpy as np
import pytest

from kerascnn.backend import keras, tf
from kerascnn.kernels.product_gradient import (
    ProductGradientConv2D,
    by_cells,
    by_rows,
    has_small_maps,
    is_wide,
)
from kerascnn.kernels.table import plain, quicken


@pytest.mark.parametrize("batch", [1, 5])
@pytest.mark.parametrize(
    ("size", "kernel", "filters"),
    [
        ((7, 7), 3, 8),  # by rows
        ((5, 8), 3, 6),
        ((8, 3), 5, 4),
        ((9, 1), 3, 4),
        ((4, 4), 5, 4),  # by cells
        ((3, 2), 3, 4),
        ((2, 2), 7, 4),
        ((1, 1), 3, 4),
    ],
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


@pytest.mark.parametrize("gradient", [by_cells, by_rows])
def test_each_cell_of_a_kernel_has_the_product_of_what_it_sees(gradient) -> None:
    maps = tf.reshape(tf.range(1.0, 7), (1, 2, 3, 1))
    upstream = tf.constant([[[[1.0], [0], [0]], [[0], [0], [10]]]])
    found = gradient(maps, upstream, (3, 3)).numpy()[..., 0, 0]
    # About the first cell, 1: nothing, then 1 2, then 4 5. About the last, 6: 2 3, then 5 6.
    np.testing.assert_array_equal(found, [[20, 30, 0], [50, 61, 2], [0, 4, 5]])


def _convolution(channels: int = 64, size: int = 8, **options) -> keras.Layer:
    arguments = {"filters": 64, "kernel_size": 3, "padding": "same"} | options
    images = keras.Input((size, size, channels))
    layer = keras.layers.Conv2D(**arguments)
    layer(images)
    return layer


@pytest.mark.parametrize(
    ("options", "narrow", "wide"),
    [
        ({}, True, True),
        ({"kernel_size": 5, "filters": 96}, True, True),
        ({"channels": 32}, True, False),
        ({"filters": 63}, True, False),
        ({"strides": 2}, False, False),
        ({"dilation_rate": 2}, False, False),
        ({"padding": "valid"}, False, False),
        ({"kernel_size": 1}, False, False),
        ({"kernel_size": 4}, False, False),
        ({"kernel_size": (3, 5)}, False, False),
        ({"groups": 2}, False, False),
        ({"dtype": "mixed_bfloat16"}, False, False),
    ],
)
def test_what_takes_products(options, narrow, wide) -> None:
    large, small = (_convolution(size=size, **options) for size in (8, 4))
    assert (has_small_maps(small), is_wide(small)) == (narrow, False)
    assert (has_small_maps(large), is_wide(large)) == (False, wide)


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
    small = keras.Model(
        tiny := keras.Input((2, 2, 8)), keras.layers.Conv2D(8, 3, padding="same")(tiny)
    )
    assert type(quicken(small, "gpu:0").layers[1]).__name__ == "Conv2D"
    assert type(quicken(small, "cpu").layers[1]).__name__ == "ProductGradientConv2D"
    unknown = keras.Input((None, None, 64))
    layer = keras.layers.Conv2D(64, 3, padding="same")
    layer(unknown)
    assert not is_wide(layer), "a shift by a row needs the number of rows"
