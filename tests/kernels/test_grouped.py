from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf

from kerascnn.kernels.grouped import GroupedConv2D


@pytest.mark.parametrize(
    "arguments",
    [
        {"groups": 2, "padding": "same"},
        {"groups": 3, "strides": 2, "use_bias": False},
        {"groups": 1, "activation": "relu"},
    ],
)
def test_equals_keras(arguments):
    maps = np.random.default_rng(0).normal(size=(2, 7, 8, 6)).astype("float32")
    reference = keras.layers.Conv2D(12, 3, **arguments)
    layer = GroupedConv2D(12, 3, **arguments)
    for each in (reference, layer):
        each.build(maps.shape)
    layer.set_weights(reference.get_weights())
    results = []
    for each in (reference, layer):
        with tf.GradientTape() as tape:
            output = each(maps)
            loss = tf.reduce_sum(output**2)
        results.append((output, tape.gradient(loss, each.kernel.value)))
    for expected, received in zip(*results, strict=True):
        np.testing.assert_allclose(received, expected, rtol=1e-4, atol=1e-4)
    assert layer.compute_output_shape(maps.shape) == tuple(results[0][0].shape)
