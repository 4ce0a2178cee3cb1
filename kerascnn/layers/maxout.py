"""Maxout and the two habits of its paper: untied biases, and dropout that does not rescale."""

from __future__ import annotations

from typing import Any

from kerascnn.backend import keras
from kerascnn.errors import UserError

ops = keras.ops

Shape = tuple[int | None, ...]


@keras.saving.register_keras_serializable(package="kerascnn")
class Maxout(keras.layers.Layer):
    """The maximum over `pieces` linear maps (Goodfellow et al. 2013, section 3).

    Comes after a `Dense` or `Conv2D` with pieces * C outputs, whose initialisers, constraints and
    biases it leaves to them. Output c is the maximum of inputs c, C + c, 2 C + c, ...

    Args:
        pieces: k, at least 1.

    Raises:
        UserError: If `pieces` is less than 1 or does not divide the channels.
    """

    def __init__(self, pieces: int, **arguments: Any):
        super().__init__(**arguments)
        if pieces < 1:
            raise UserError(f"Maxout pieces: got {pieces}, must be at least 1")
        self.pieces = pieces

    def call(self, inputs: Any) -> Any:
        """Takes (..., pieces * C) to (..., C)."""
        first, *rest = ops.split(inputs, self.pieces, axis=-1)
        for piece in rest:
            first = ops.maximum(first, piece)
        return first

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """(..., C)."""
        channels = input_shape[-1] or 0
        if channels % self.pieces:
            raise UserError(f"{self.name}: {self.pieces} pieces do not divide {channels} channels")
        return (*input_shape[:-1], channels // self.pieces)

    def get_config(self) -> dict[str, Any]:
        """Everything that `__init__` takes."""
        return {**super().get_config(), "pieces": self.pieces}


@keras.saving.register_keras_serializable(package="kerascnn")
class UntiedBias(keras.layers.Layer):
    """One bias per position and channel, zero at the start, for a `Conv2D(use_bias=False)`.

    The inputs (B, H, W, C) have a known size.
    """

    def build(self, input_shape: Shape) -> None:
        """Creates the biases (H, W, C)."""
        if None in input_shape[1:]:
            raise UserError(f"{self.name}: needs maps of known size, got {tuple(input_shape)}")
        self.bias = self.add_weight(shape=input_shape[1:], initializer="zeros", name="bias")

    def call(self, inputs: Any) -> Any:
        """Adds the biases."""
        return inputs + self.bias

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """The input's."""
        return input_shape


@keras.saving.register_keras_serializable(package="kerascnn")
class UnscaledDropout(keras.layers.Dropout):
    """Dropout that leaves what it keeps as it is: pylearn2's `input_scales: 1`.

    Keras's own divides by (1 - rate) in training. Nothing changes in inference, in either.
    """

    def call(self, inputs: Any, training: bool = False) -> Any:
        """Drops in training only."""
        dropped = super().call(inputs, training=training)
        return dropped * (1 - self.rate) if training else dropped
