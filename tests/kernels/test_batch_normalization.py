from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf

from kerascnn.kernels.batch_normalization import FusedBatchNormalization


def pair(shape: tuple[int, ...], **arguments: object) -> tuple[keras.Layer, keras.Layer]:
    ours = FusedBatchNormalization(**arguments)
    keras_own = keras.layers.BatchNormalization(**arguments)
    for layer in (ours, keras_own):
        layer.build(shape)
    weights = [np.random.default_rng(2).uniform(0.5, 2, w.shape) for w in ours.weights]
    ours.set_weights(weights)
    keras_own.set_weights(weights)
    return ours, keras_own


def maps(*shape: int) -> tf.Tensor:
    return tf.constant(np.random.default_rng(0).normal(3, 2, size=shape).astype("float32"))


@pytest.mark.parametrize("shape", [(5, 4, 3, 6), (1, 2, 2, 1), (8, 6)])
@pytest.mark.parametrize("arguments", [{}, {"scale": False, "epsilon": 1e-5}, {"center": False}])
def test_outputs_gradients_and_statistics_are_those_of_keras(shape, arguments):
    x, results = maps(*shape), []
    for layer in pair(shape, momentum=0.7, **arguments):
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = layer(x, training=True)
            total = tf.reduce_sum(y**3)
        gradients = tape.gradient(total, [x, *layer.trainable_weights])
        results.append([y, *gradients, *layer.get_weights(), layer(x, training=False)])
    for ours, theirs in zip(*results, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=2e-4, atol=2e-4)


def test_a_frozen_layer_uses_and_keeps_the_moving_averages():
    ours, theirs = pair((2, 3, 3, 4))
    for layer in (ours, theirs):
        layer.trainable = False
    before = ours.get_weights()
    x = maps(2, 3, 3, 4)
    np.testing.assert_allclose(ours(x, training=True), theirs(x, training=True), rtol=1e-4)
    for then, now in zip(before, ours.get_weights(), strict=True):
        np.testing.assert_array_equal(then, now)


def test_statistics_stay_float32_in_mixed_precision():
    layer = FusedBatchNormalization(momentum=0.0, dtype="mixed_bfloat16")
    x = maps(64, 8, 8, 3) + 200.0  # where bfloat16 has steps of 1
    layer(x, training=True)
    rounded = tf.cast(tf.cast(x, "bfloat16"), "float32")
    np.testing.assert_allclose(layer.moving_mean, tf.reduce_mean(rounded, (0, 1, 2)), atol=1e-2)
    np.testing.assert_allclose(
        layer.moving_variance, tf.math.reduce_variance(rounded, (0, 1, 2)), rtol=1e-2
    )
