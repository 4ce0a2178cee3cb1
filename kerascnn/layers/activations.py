"""Activations that Keras 3 lacks."""

from __future__ import annotations

from typing import Any

from kerascnn.backend import keras
from kerascnn.errors import UserError

ops = keras.ops


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
        return {**super().get_config(), "initial": self.initial}
