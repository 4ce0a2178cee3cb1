from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf

from kerascnn import layers
from kerascnn.errors import UserError


def test_maxout_of_a_dense_layer_is_the_maximum_of_its_pieces():
    x = np.random.default_rng(0).normal(size=(4, 5)).astype("float32")
    dense = keras.layers.Dense(3 * 2)
    y = layers.Maxout(2)(dense(x))
    kernel, bias = dense.get_weights()
    pieces = [x @ kernel[:, j * 3 : j * 3 + 3] + bias[j * 3 : j * 3 + 3] for j in range(2)]
    np.testing.assert_allclose(y, np.maximum(*pieces), rtol=1e-5, atol=1e-6)


def test_maxout_gradient_goes_to_the_largest_piece_alone():
    x = tf.constant([[1.0, 5.0, 3.0, 2.0, 5.0, 9.0]])
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = layers.Maxout(3)(x)
    np.testing.assert_array_equal(y, [[5.0, 9.0]])
    gradient = tape.gradient(y, x)
    assert gradient[0, 5] == 1
    assert gradient[0, 1] == 0
    assert tf.reduce_sum(gradient) == 2  # of equal pieces, one


def test_untied_biases_are_one_per_position():
    layer = layers.UntiedBias()
    layer.build((None, 2, 3, 4))
    layer.bias.assign(np.arange(24).reshape(2, 3, 4))
    np.testing.assert_array_equal(layer(np.zeros((1, 2, 3, 4)))[0], layer.bias.numpy())


def test_unscaled_dropout_keeps_values_as_they_are():
    layer = layers.UnscaledDropout(0.2, seed=1)
    x = np.full((100, 100), 3.0, "float32")
    y = np.asarray(layer(x, training=True))
    assert (np.isclose(y, 0) | np.isclose(y, 3)).all()
    assert np.isclose(y, 0).mean() == pytest.approx(0.2, abs=0.02)
    np.testing.assert_array_equal(layer(x), x)


def test_mistakes_are_named():
    with pytest.raises(UserError, match="Maxout pieces: got 0"):
        layers.Maxout(0)
    with pytest.raises(UserError, match="2 pieces do not divide 5 channels"):
        layers.Maxout(2)(keras.Input((5,)))
    with pytest.raises(UserError, match="maps of known size"):
        layers.UntiedBias()(keras.Input((None, 4, 2)))
