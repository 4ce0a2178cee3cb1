"""The activation functions that the networks here can have, and their derivatives."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from kerascnn.backend import keras, tf

# Name -> its formula. Those of the option `activation` of the networks, and what layers do.
FORMULAS: Mapping[str, str] = {
    "sigmoid": "1 / (1 + exp(-x))",
    "tanh": "tanh(x)",
    "scaled_tanh": "1.7159 tanh(2 x / 3)",
    "relu": "max(0, x)",
    "leaky_relu": "x, or 0.2 x below 0",
    "prelu": "x, or a x below 0 (a learned, here 0.25)",
    "elu": "x, or exp(x) - 1 below 0",
    "selu": "1.05 x, or 1.76 (exp(x) - 1) below 0",
    "gelu": "x times the normal distribution at x",
    "silu": "x sigmoid(x)",
    "shrinkage": "sign(x) max(|x| - t, 0) (here t = 0.5)",
    "maxout": "max(w x + b, v x + c), here max(x + 0.5, -x / 2)",
}


@dataclass(frozen=True)
class Curve:
    """An activation function at some places.

    Attributes:
        values: f(x), float64 (N,).
        derivatives: f'(x), (N,).
    """

    values: np.ndarray
    derivatives: np.ndarray


def curve(name: str, x: np.ndarray) -> Curve:
    """Returns an activation function and its derivative, found by automatic differentiation.

    Args:
        name: One of FORMULAS.
        x: Where, (N,).
    """
    places = tf.constant(x, tf.float64)
    with tf.GradientTape() as tape:
        tape.watch(places)
        values = _apply(name, places)
    return Curve(values.numpy(), tape.gradient(values, places).numpy())


def _apply(name: str, x: tf.Tensor) -> tf.Tensor:
    from kerascnn.layers import Maxout, Shrinkage, scaled_tanh

    match name:
        case "scaled_tanh":
            return scaled_tanh(x)
        case "prelu":
            initial = keras.initializers.Constant(0.25)
            layer = keras.layers.PReLU(initial, shared_axes=[1], dtype="float64")
            return layer(x[:, tf.newaxis])[:, 0]
        case "shrinkage":
            return Shrinkage(0.5, dtype="float64")(x[:, tf.newaxis])[:, 0]
        case "maxout":
            pieces = tf.stack([x + 0.5, -0.5 * x], axis=1)
            return Maxout(2, dtype="float64")(pieces)[:, 0]
        case _:
            return keras.activations.get(name)(x)
