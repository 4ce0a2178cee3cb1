"""Convolution whose weights are not shared between positions."""

from __future__ import annotations

import math
from typing import Any, Literal

from kerascnn.backend import keras
from kerascnn.errors import UserError
from kerascnn.layers.pooling import shifted_cells

ops = keras.ops

Shape = tuple[int | None, ...]


@keras.saving.register_keras_serializable(package="kerascnn")
class LocallyConnected2D(keras.layers.Layer):
    """As `Conv2D`, but every position has its own kernel and biases.

    Weights (H', W', kernel * kernel * C, filters) and biases (H', W', filters), on maps of known
    size.

    Args:
        filters: Output channels.
        kernel_size: Side of the kernel.
        strides: Between windows.
        padding: "valid" or "same", as for `Conv2D`.
        activation: Keras's name or a function.
        use_bias: Whether there are biases.
        kernel_initializer: Its fan-in is a window's, kernel * kernel * C (the fan-out is not known
            to it: leave Glorot's rule to layers that share weights).
        kernel_regularizer: On the weights.
        kernel_constraint: On the weights; a unit's incoming vector is along axis 2.

    Raises:
        UserError: For maps of unknown size or smaller than the kernel, filters, kernel or strides
            under 1, or another padding.
    """

    def __init__(
        self,
        filters: int,
        kernel_size: int,
        strides: int = 1,
        padding: Literal["valid", "same"] = "valid",
        activation: Any = None,
        use_bias: bool = True,
        kernel_initializer: Any = "he_normal",
        kernel_regularizer: Any = None,
        kernel_constraint: Any = None,
        **arguments: Any,
    ):
        super().__init__(**arguments)
        if min(filters, kernel_size, strides) < 1:
            raise UserError(
                f"LocallyConnected2D: got filters {filters}, kernel_size {kernel_size}, "
                f"strides {strides}, must be at least 1"
            )
        if padding not in ("valid", "same"):
            raise UserError(f"LocallyConnected2D padding: got '{padding}', must be valid or same")
        self.filters, self.kernel_size, self.strides = filters, kernel_size, strides
        self.padding = padding
        self.activation = keras.activations.get(activation)
        self.use_bias = use_bias
        self.kernel_initializer = keras.initializers.get(kernel_initializer)
        self.kernel_regularizer = keras.regularizers.get(kernel_regularizer)
        self.kernel_constraint = keras.constraints.get(kernel_constraint)

    def build(self, input_shape: Shape) -> None:
        """Creates the weights and biases."""
        _, height, width, _ = self.compute_output_shape(input_shape)
        if height is None or width is None:
            raise UserError(f"{self.name}: needs maps of known size, got {tuple(input_shape)}")
        fan_in = self.kernel_size**2 * int(input_shape[-1] or 0)

        def initialize(shape: Shape, dtype: Any = None) -> Any:
            values = self.kernel_initializer((fan_in, height * width * self.filters), dtype=dtype)
            return ops.moveaxis(ops.reshape(values, (fan_in, height, width, self.filters)), 0, 2)

        self.kernel = self.add_weight(
            shape=(height, width, fan_in, self.filters),
            initializer=initialize,
            regularizer=self.kernel_regularizer,
            constraint=self.kernel_constraint,
            name="kernel",
        )
        if self.use_bias:
            self.bias = self.add_weight(
                shape=(height, width, self.filters), initializer="zeros", name="bias"
            )

    def _padding(self, size: int) -> tuple[int, int]:
        """Returns the zeros before and after, as TensorFlow pads."""
        if self.padding == "valid":
            return 0, 0
        total = max((-(-size // self.strides) - 1) * self.strides + self.kernel_size - size, 0)
        return total // 2, total - total // 2

    def call(self, inputs: Any) -> Any:
        """Takes maps (B, H, W, C) to (B, H', W', filters)."""
        pads = ((0, 0), self._padding(inputs.shape[1]), self._padding(inputs.shape[2]), (0, 0))
        x = ops.pad(inputs, pads) if self.padding == "same" else inputs
        cells = shifted_cells(x, (self.kernel_size,) * 2, (self.strides,) * 2)
        outputs = ops.einsum("bhwi,hwio->bhwo", ops.concatenate(cells, axis=-1), self.kernel)
        if self.use_bias:
            outputs = outputs + self.bias
        return self.activation(outputs)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """(B, H', W', filters)."""
        sizes: list[int | None] = []
        for size in input_shape[1:3]:
            if size is not None:
                room = size + sum(self._padding(size)) - self.kernel_size
                if room < 0:
                    raise UserError(
                        f"{self.name}: a {self.kernel_size}x{self.kernel_size} window "
                        f"does not fit into maps of shape {tuple(input_shape)}"
                    )
                size = room // self.strides + 1
            sizes.append(size)
        return (input_shape[0], *sizes, self.filters)

    def macs(self, input_shape: tuple[int, ...]) -> int:
        """Multiply-adds for one image (H, W, C): each weight is used once."""
        return math.prod(self.kernel.shape)

    def get_config(self) -> dict[str, Any]:
        """Everything that `__init__` takes."""
        return {
            **super().get_config(),
            "filters": self.filters,
            "kernel_size": self.kernel_size,
            "strides": self.strides,
            "padding": self.padding,
            "activation": keras.activations.serialize(self.activation),
            "use_bias": self.use_bias,
            "kernel_initializer": keras.initializers.serialize(self.kernel_initializer),
            "kernel_regularizer": keras.regularizers.serialize(self.kernel_regularizer),
            "kernel_constraint": keras.constraints.serialize(self.kernel_constraint),
        }
