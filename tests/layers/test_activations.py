from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf

from kerascnn import layers
from kerascnn.errors import UserError


def test_scaled_tanh_maps_one_to_one():
    x = tf.constant([-1.0, 0.0, 1.0, 100.0])
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = layers.scaled_tanh(x)
    np.testing.assert_allclose(y, [-1, 0, 1, 1.7159], atol=1e-5)
    assert float(tape.gradient(y, x)[1]) == pytest.approx(1.14393, abs=1e-5)


def test_scaled_tanh_is_saved_by_name():
    dense = keras.layers.Dense(2, activation=layers.scaled_tanh)
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(dense))
    assert again.activation is layers.scaled_tanh


def test_shrinkage_is_the_soft_threshold_of_each_channel():
    layer = layers.Shrinkage(0.5)
    x = np.random.default_rng(0).normal(size=(3, 4, 2)).astype("float32")
    layer.build(x.shape)
    layer.theta.assign([0.5, 1.0])
    expected = np.sign(x) * np.maximum(np.abs(x) - [0.5, 1.0], 0)
    np.testing.assert_allclose(layer(x), expected, atol=1e-6)


def test_shrinkage_thresholds_stay_at_least_zero():
    layer = layers.Shrinkage(0.01)
    layer.build((None, 2))
    optimizer = keras.optimizers.SGD(1.0)
    optimizer.apply([tf.constant([1.0, -1.0])], [layer.theta])
    np.testing.assert_allclose(layer.theta, [0.0, 1.01])


def test_mistakes_are_named():
    with pytest.raises(UserError, match="Shrinkage initial: got -1"):
        layers.Shrinkage(-1)
