from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf

from kerascnn.kernels.activations import CompiledActivation


@pytest.mark.parametrize("name", ["gelu", "relu"])
@pytest.mark.parametrize(("dtype", "tolerance"), [("float32", 1e-6), ("bfloat16", 2e-2)])
def test_values_and_gradients_are_those_of_keras(name, dtype, tolerance):
    x = tf.cast(tf.linspace(-6.0, 6.0, 401), dtype)
    upstream = tf.cast(tf.linspace(1.0, -2.0, 401), dtype)

    def value_and_gradient(function):
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = function(x)
        return y, tape.gradient(y, x, output_gradients=upstream)

    ours = value_and_gradient(CompiledActivation(name, dtype=dtype))
    exact = {"approximate": False} if name == "gelu" else {}

    def in_float32(x):
        return tf.cast(getattr(keras.activations, name)(tf.cast(x, "float32"), **exact), dtype)

    wide = value_and_gradient(in_float32)
    for got, expected in zip(ours, wide, strict=True):
        assert got.dtype == dtype
        np.testing.assert_allclose(
            tf.cast(got, "float32"), tf.cast(expected, "float32"), atol=tolerance
        )


@pytest.mark.parametrize("name", ["gelu", "relu"])
def test_any_batch_goes_through_one_compiled_function(name):
    model = keras.Sequential([CompiledActivation(name)])
    for size in (5, 3):
        assert model.predict(np.ones((size, 2), "float32"), verbose=0).shape == (size, 2)
