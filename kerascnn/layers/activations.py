"""Activations that Keras 3 lacks."""

from __future__ import annotations

import functools
import math
from typing import Any

from kerascnn.backend import keras, tf
from kerascnn.errors import UserError

ops = keras.ops


@functools.cache
def _compiled_gelu() -> Any:
    """Returns GELU (of x) with its gradient (of x and what comes from above), each one pass."""

    def compiled(function: Any) -> Any:
        return tf.function(function, jit_compile=True, autograph=False, reduce_retracing=True)

    @compiled
    def value(x: tf.Tensor) -> tf.Tensor:
        wide = tf.cast(x, tf.float32)
        return tf.cast(0.5 * wide * (1 + tf.math.erf(wide * 0.5**0.5)), x.dtype)

    @compiled
    def slope(x: tf.Tensor, upstream: tf.Tensor) -> tf.Tensor:
        wide = tf.cast(x, tf.float32)
        below = 0.5 * (1 + tf.math.erf(wide * 0.5**0.5))
        density = tf.exp(-0.5 * wide * wide) * (2 * math.pi) ** -0.5
        return tf.cast(tf.cast(upstream, tf.float32) * (below + wide * density), x.dtype)

    @tf.custom_gradient
    def gelu(x: tf.Tensor) -> tuple[tf.Tensor, Any]:
        return value(x), lambda upstream: slope(x, upstream)

    return gelu


@keras.saving.register_keras_serializable(package="kerascnn")
def gelu(x: Any) -> Any:
    """x times the normal distribution's share below x (Hendrycks and Gimpel 2016).

    The same as `keras.activations.gelu(x, approximate=False)`, which TensorFlow makes of a dozen
    operations, each a pass over the maps: on a CPU, in bfloat16, they take as long as the
    convolutions around them. Compiled into one pass, forth and back, it costs what ReLU does.
    """
    if keras.backend.backend() != "tensorflow":
        return keras.activations.gelu(x, approximate=False)
    return _compiled_gelu()(ops.convert_to_tensor(x))


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
