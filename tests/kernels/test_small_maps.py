from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf

from kerascnn.hardware import processor_has_bfloat16_units
from kerascnn.kernels.small_maps import SmallMapConv2D, beside_one_another


def test_images_lie_side_by_side_with_zeros_between():
    images = np.arange(1, 5 * 2 * 3 + 1, dtype="float32").reshape(5, 2, 3, 1)
    laid = beside_one_another(tf.constant(images), 2, 1).numpy()
    assert laid.shape == (3, 2, 7, 1)
    np.testing.assert_array_equal(laid[0], np.concatenate(
        [images[0], np.zeros((2, 1, 1)), images[3]], axis=1
    ))  # fmt: skip
    assert not laid[2, :, 3:].any()  # five images do not fill three rows of two
    assert laid.sum() == images.sum()


@pytest.mark.parametrize(
    ("dtype", "tolerance"),
    [
        ("float32", 1e-5),
        pytest.param(
            "mixed_bfloat16",
            0.01,
            marks=pytest.mark.skipif(
                not processor_has_bfloat16_units(),
                reason="without units for bfloat16 its sums are rounded as the order has it",
            ),
        ),
    ],
)
@pytest.mark.parametrize("batch", [1, 4, 7, 16])
@pytest.mark.parametrize(("side", "kernel"), [(7, 3), (3, 3), (8, 5), (1, 3)])
def test_results_and_gradients_are_those_of_keras(batch, side, kernel, dtype, tolerance):
    random = np.random.default_rng(0)
    x = tf.constant(random.normal(size=(batch, side, side, 8)).astype("float32"))
    arguments = {"padding": "same", "dtype": dtype, "use_bias": False}
    ours = SmallMapConv2D(6, kernel, **arguments)
    theirs = keras.layers.Conv2D(6, kernel, **arguments)
    for layer in (ours, theirs):
        layer.build(x.shape)
    theirs.set_weights(ours.get_weights())
    upstream = tf.cast(random.normal(size=(batch, side, side, 6)), ours.compute_dtype)
    results = []
    for layer in (ours, theirs):

        @tf.function
        def step(x, layer=layer):
            with tf.GradientTape() as tape:
                tape.watch(x)
                y = layer(x)
            return y, tape.gradient(y, [x, *layer.trainable_weights], upstream)

        results.append(tf.nest.flatten(step(x)))
    for mine, yours in zip(*results, strict=True):
        mine, yours = np.asarray(mine, "float32"), np.asarray(yours, "float32")
        np.testing.assert_allclose(mine, yours, atol=tolerance * np.abs(yours).max())


def _operations(layer: keras.Layer, shape: tuple[int, ...]) -> set[str]:
    layer.build(shape)

    @tf.function
    def gradient(x):
        with tf.GradientTape() as tape:
            y = layer(x)
        return tape.gradient(y, layer.trainable_weights)

    graph = gradient.get_concrete_function(tf.TensorSpec(shape)).graph
    return {op.type for op in graph.get_operations()} | {
        op.type for f in graph._functions.values() for op in f.graph.get_operations()
    }


@pytest.mark.parametrize(
    ("arguments", "shape"),
    [
        ({"dtype": "mixed_bfloat16"}, (2, 20, 20, 4)),
        ({"dtype": "mixed_bfloat16", "strides": 2}, (2, 7, 7, 4)),
        ({"dtype": "mixed_bfloat16", "padding": "valid"}, (2, 7, 7, 4)),
        ({"dtype": "mixed_bfloat16", "kernel_size": 2}, (2, 7, 7, 4)),
        ({"dtype": "mixed_bfloat16", "groups": 2}, (2, 7, 7, 4)),
    ],
)
def test_everything_else_goes_the_way_of_keras(arguments, shape):
    arguments = {"filters": 4, "kernel_size": 3, "padding": "same", **arguments}
    assert "ConcatV2" not in _operations(SmallMapConv2D(**arguments), shape)


def test_small_maps_in_bfloat16_lie_side_by_side():
    layer = SmallMapConv2D(4, 3, padding="same", dtype="mixed_bfloat16")
    assert "ConcatV2" in _operations(layer, (2, 7, 7, 4))
