"""Activations that Keras 3 lacks."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from typing import Any

from kerascnn.backend import keras, tensorflow_on_processor, tf
from kerascnn.errors import UserError

ops = keras.ops


def _one_pass(value: Callable[..., tf.Tensor], slope: Callable[..., tf.Tensor]) -> Any:
    """Returns a pointwise function whose value and whose gradient are each one compiled pass.

    Args:
        value: Of x.
        slope: Of x: the derivative.
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
def _compiled() -> dict[str, Any]:
    """Returns the activations below for TensorFlow on a processor."""

    def below(x: tf.Tensor) -> tf.Tensor:
        return 0.5 * (1 + tf.math.erf(x * 0.5**0.5))

    def density(x: tf.Tensor) -> tf.Tensor:
        return tf.exp(-0.5 * x * x) * (2 * math.pi) ** -0.5

    return {
        "relu": _one_pass(tf.nn.relu, lambda x: tf.cast(x > 0, tf.float32)),
        "gelu": _one_pass(lambda x: x * below(x), lambda x: below(x) + x * density(x)),
    }


@keras.saving.register_keras_serializable(package="kerascnn")
def gelu(x: Any) -> Any:
    """x times the normal distribution's share below x (Hendrycks and Gimpel 2016).

    `keras.activations.gelu(x, approximate=False)`, of which TensorFlow makes a dozen operations,
    each a pass over the maps: on a CPU, in bfloat16, they take as long as the convolutions around
    them. Compiled into one pass, forth and back, it costs what ReLU does.
    """
    if not tensorflow_on_processor():  # on a GPU TensorFlow's own is one pass already
        return keras.activations.gelu(x, approximate=False)
    return _compiled()["gelu"](ops.convert_to_tensor(x))


@keras.saving.register_keras_serializable(package="kerascnn")
def relu(x: Any) -> Any:
    """max(x, 0): `keras.activations.relu`, in a third of the time on a CPU, forth and back."""
    if not tensorflow_on_processor():
        return keras.activations.relu(x)
    return _compiled()["relu"](ops.convert_to_tensor(x))


@keras.saving.register_keras_serializable(package="kerascnn")
def scaled_tanh(x: Any) -> Any:
    """LeCun's squash 1.7159 tanh(2 x / 3), which maps 1 to 1 and -1 to -1.

    LeCun et al. 1998, appendix A. For `activation=`, as any function of `keras.activations`.
    """
    return 1.7159 * ops.tanh(x * (2 / 3))


@keras.saving.register_keras_serializable(package="kerascnn")
class Shrinkage(keras.layers.Layer):
    """Soft threshold sign(x) max(|x| - theta, 0), with one learned theta >= 0 per channel.

    The nonlinearity of sparse coding (ISTA) and of Kavukcuoglu et al. 2010. For a threshold that is
    not learned there is `keras.activations.soft_shrink`.

    Args:
        initial: theta at the start.

    Raises:
        UserError: If `initial` is negative.
    """

    def __init__(self, initial: float = 0.1, **arguments: Any):
        super().__init__(**arguments)
        if initial < 0:
            raise UserError(f"Shrinkage initial: got {initial}, must not be negative")
        self.initial = initial

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Creates theta (C,)."""
        self.theta = self.add_weight(
            shape=(input_shape[-1],),
            initializer=keras.initializers.Constant(self.initial),
            constraint="non_neg",
            name="theta",
        )

    def call(self, inputs: Any) -> Any:
        """Shrinks each channel of (..., C)."""
        return ops.relu(inputs - self.theta) - ops.relu(-inputs - self.theta)

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """The input's."""
        return input_shape

    def get_config(self) -> dict[str, Any]:
        """Everything that `__init__` takes."""
        return super().get_config() | {"initial": self.initial}
