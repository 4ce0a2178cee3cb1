"""What one layer of a built model is, costs and looks at; told from its attributes and weights.

Layers need no entry here. A window is what `kernel_size` or `pool_size`, `strides`, `padding` and
`dilation_rate` say, and weights whose name ends in "kernel" are used once at every output position.
A layer for which that is wrong defines `macs(input_shape) -> int`, for one image.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Any

from kerascnn.arithmetic.formulas import ReceptiveField, same_padding

Shape = tuple[int, ...]

# Keeps the shape of its input like an activation, but is a layer of its own in the papers.
_NORMALIZATIONS = ("LRN", "LCN")
_SHORTER = {
    "pooling": "pool",
    "dense": "fc",
    "concatenate": "concat",
    "locally connected": "local",
}


@dataclass(frozen=True)
class Window:
    """A window that slides over (height, width)."""

    size: tuple[int, int] = (1, 1)
    strides: tuple[int, int] = (1, 1)
    before: tuple[int, int] = (0, 0)  # cells of padding above and to the left
    dilation: tuple[int, int] = (1, 1)

    def __str__(self) -> str:
        """As the papers write it: 3x3/2, one number for a stride that is the same both ways."""
        height, width = self.strides
        stride = "" if self.strides == (1, 1) else f"/{height}" + f"x{width}" * (height != width)
        return f"{self.size[0]}x{self.size[1]}{stride}"


def _pair(value: Any) -> tuple[int, int]:
    return (value, value) if isinstance(value, int) else (int(value[0]), int(value[1]))


def kind(layer: Any) -> str:
    """What the layer is, in a word or two: "conv", "max pool", "fc", "concat"."""
    name = type(layer).__name__.replace("2D", "")
    if name == "ZeroPadding" and layer.data_format == "channels_first":
        return "pad channels"  # see `kerascnn.models.residual`
    if name.isupper():  # LRN, SPP
        return name
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z][a-z])", " ", name).lower()
    for long, short in _SHORTER.items():
        words = words.replace(long, short)
    return words.replace("batch normalization", "bn")


def is_sliding(layer: Any) -> bool:
    """Whether it has a window of its own."""
    return hasattr(layer, "kernel_size") or hasattr(layer, "pool_size")


def window_of(layer: Any, input_shape: Shape, output_shape: Shape) -> Window:
    """The window through which each output position looks at the first input.

    Args:
        layer: A layer or operation of Keras or of ours.
        input_shape: (H, W, C) or (features,), without the batch.
        output_shape: Likewise.
    """
    if len(input_shape) != 3:
        return Window()
    sides = (input_shape[0], input_shape[1])
    if len(output_shape) != 3:  # flattened, or pooled over the whole map
        return Window(sides)
    size = getattr(layer, "kernel_size", None) or getattr(layer, "pool_size", None)
    padding = getattr(layer, "padding", 0)
    if size is None:
        if isinstance(padding, tuple):  # zero padding: ((top, bottom), (left, right))
            return Window(before=(padding[0][0], padding[1][0]))
        if output_shape[0] * output_shape[1] < sides[0] * sides[1]:  # such as slicing x[:, ::2]
            ratio = [round(a / b) for a, b in zip(sides, output_shape[:2], strict=True)]
            return Window(strides=(ratio[0], ratio[1]))
        return Window()
    size, strides = _pair(size), _pair(layer.strides)
    dilation = _pair(getattr(layer, "dilation_rate", 1))
    if padding == "same":
        height, width = (
            same_padding(*side)[0] for side in zip(sides, size, strides, dilation, strict=True)
        )
        return Window(size, strides, (height, width), dilation)
    before = (0, 0) if isinstance(padding, str) else _pair(padding)
    return Window(size, strides, before, dilation)


def see(
    fields: tuple[ReceptiveField, ReceptiveField], window: Window
) -> tuple[ReceptiveField, ReceptiveField]:
    """The receptive fields (vertical, horizontal) of a window's outputs."""
    vertical, horizontal = (
        field.through(*side)
        for field, *side in zip(
            fields, window.size, window.strides, window.before, window.dilation, strict=True
        )
    )
    return vertical, horizontal


def kernels_of(layer: Any) -> list[Any]:
    """The weights that multiply the input, trainable or not."""
    names = ("kernel", "coefficient", "codes")  # the latter two in LeNet-5's own layers
    return [weight for weight in getattr(layer, "weights", []) if weight.name.endswith(names)]


def size_of(weights: list[Any]) -> int:
    """How many numbers are in the weights."""
    return sum(math.prod(weight.shape) for weight in weights)


def macs_of(layer: Any, input_shape: Shape, output_shape: Shape) -> int:
    """Multiply-adds for one image, biases not counted."""
    if hasattr(layer, "macs"):
        return int(layer.macs(input_shape))
    positions = math.prod(output_shape[:-1])
    return size_of(kernels_of(layer)) * positions


def is_pointwise(layer: Any, input_shape: Shape, output_shape: Shape) -> bool:
    """Whether the layer only changes values in place, or reshapes: no row of its own.

    Activations, batch normalisation, dropout, rescaling, zero padding, flattening.
    """
    if kernels_of(layer) or hasattr(layer, "macs") or type(layer).__name__ in _NORMALIZATIONS:
        return False
    if kind(layer) in ("flatten", "reshape", "zero padding"):
        return True
    return input_shape == output_shape and (
        window_of(layer, input_shape, output_shape).size == (1, 1)
    )
