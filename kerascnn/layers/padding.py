"""Padding that Keras 3 lacks: maps of zeros after those that are there."""

from __future__ import annotations

from typing import Any

from kerascnn.backend import keras
from kerascnn.errors import UserError

ops = keras.ops


@keras.saving.register_keras_serializable(package="kerascnn")
class PadChannels(keras.layers.Layer):
    """Appends maps of zeros: shortcut A of the residual networks (He et al. 2015, section 3.3).

    Args:
        channels: Number of maps of the output.

    Raises:
        UserError: If the input has more maps than that.
    """

    def __init__(self, channels: int, **arguments: Any):
        super().__init__(**arguments)
        self.channels = channels

    def call(self, inputs: Any) -> Any:
        """Pads (..., C) to (..., channels)."""
        none = [(0, 0)] * (len(inputs.shape) - 1)
        return ops.pad(inputs, [*none, (0, self.channels - inputs.shape[-1])])

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """(..., channels)."""
        if input_shape[-1] is not None and input_shape[-1] > self.channels:
            raise UserError(
                f"{self.name}: channels: got {self.channels}, "
                f"must be at least the input's {input_shape[-1]}"
            )
        return (*input_shape[:-1], self.channels)

    def get_config(self) -> dict[str, Any]:
        """Everything that `__init__` takes."""
        return super().get_config() | {"channels": self.channels}
