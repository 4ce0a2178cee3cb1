"""ReLU and GELU as one compiled pass over the maps, forth and back."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from typing import Any

from kerascnn.backend import keras, tf


def _one_pass(value: Callable[..., tf.Tensor], slope: Callable[..., tf.Tensor]) -> Any:
    """Returns a pointwise function whose value and whose gradient are each one compiled pass.

    Args:
        value: The value at x.
        slope: The derivative at x.
    """

    def compiled(function: Any) -> Any:
        return tf.function(function, jit_compile=True, autograph=False)

    @compiled
    def forward(x: tf.Tensor) -> tf.Tensor:
        return tf.cast(value(tf.cast(x, tf.float32)), x.dtype)

    @compiled
    def backward(x: tf.Tensor, upstream: tf.Tensor) -> tf.Tensor:
        return tf.cast(
            tf.cast(upstream, tf.float32) * slope(tf.cast(x, tf.float32)), upstream.dtype
        )

    @tf.custom_gradient
    def function(x: tf.Tensor) -> tuple[tf.Tensor, Any]:
        return forward(x), lambda upstream: backward(x, upstream)

    return function


@functools.cache
def compiled() -> dict[str, Any]:
    """Returns the functions by the names that Keras has for them."""

    def below(x: tf.Tensor) -> tf.Tensor:
        return 0.5 * (1 + tf.math.erf(x * 0.5**0.5))

    def density(x: tf.Tensor) -> tf.Tensor:
        return tf.exp(-0.5 * x * x) * (2 * math.pi) ** -0.5

    return {
        "relu": _one_pass(tf.nn.relu, lambda x: tf.cast(x > 0, tf.float32)),
        "gelu": _one_pass(lambda x: x * below(x), lambda x: below(x) + x * density(x)),
    }


class CompiledActivation(keras.layers.Activation):
    """`Activation` that takes one pass where TensorFlow takes several.

    Of GELU TensorFlow makes a dozen operations, each a pass over the maps: on a CPU, in bfloat16,
    they take as long as the convolutions around them. Compiled, forth and back, it costs what ReLU
    does, and ReLU a third of what it did.
    """

    def call(self, inputs: Any) -> Any:
        """Activates."""
        return compiled()[self.activation.__name__](keras.ops.convert_to_tensor(inputs))
