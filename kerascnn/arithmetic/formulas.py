"""The lecture's formulas for one layer or a stack of them; plain integers, no TensorFlow."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from kerascnn.errors import UserError


def same_padding(size: int, kernel: int, stride: int = 1, dilation: int = 1) -> tuple[int, int]:
    """Returns the cells that Keras's `same` adds before and after; the smaller half first."""
    extent = dilation * (kernel - 1) + 1
    total = max((math.ceil(size / stride) - 1) * stride + extent - size, 0)
    return total // 2, total - total // 2


def output_size(
    size: int,
    kernel: int,
    *,
    stride: int = 1,
    padding: int | tuple[int, int] = 0,
    dilation: int = 1,
    rounding: Literal["exact", "floor", "ceil"] = "exact",
) -> int:
    """The side of a convolution's or pooling's output, (W - F + 2P) / S + 1.

    Args:
        size: W, cells of the input along this side.
        kernel: F, cells of the filter or pooling window.
        stride: S.
        padding: P, cells added at both ends, or (before, after).
        dilation: Distance between two cells of the filter.
        rounding: "floor" as Keras, "ceil" as Caffe's pooling; "exact" as the lectures, where a
            stride that does not divide is an error.

    Raises:
        UserError: If a value is out of range, or the filter does not fit.
    """
    before, after = (padding, padding) if isinstance(padding, int) else padding
    for name, value, least in (
        ("size", size, 1),
        ("kernel", kernel, 1),
        ("stride", stride, 1),
        ("dilation", dilation, 1),
        ("padding", min(before, after), 0),
    ):
        if value < least:
            raise UserError(f"{name}: got {value}, must be at least {least}")
    steps = size + before + after - (dilation * (kernel - 1) + 1)
    what = f"{kernel}x{kernel} filter at stride {stride} on a {size}x{size} input"
    if steps < 0:
        raise UserError(f"does not fit: {what} with padding {padding} is smaller than the filter")
    if rounding == "exact" and steps % stride:
        works = [other for other in range(1, kernel + 1) if steps % other == 0]
        raise UserError(
            f"does not fit: {what} gives {steps / stride + 1:.2f} positions, not a whole number; "
            f"strides that fit: {', '.join(map(str, works))}"
        )
    return (-(-steps // stride) if rounding == "ceil" else steps // stride) + 1


@dataclass(frozen=True)
class Cost:
    """What one layer costs.

    Attributes:
        weights: Trained multipliers.
        biases: Trained offsets.
        macs: Multiply-adds for one image, biases not counted.
        activations: Numbers that come out, for one image.
    """

    weights: int
    biases: int
    macs: int
    activations: int

    @property
    def parameters(self) -> int:
        """Weights and biases."""
        return self.weights + self.biases


def convolution_cost(
    output: tuple[int, int, int],
    kernel: int,
    channels: int,
    *,
    groups: int = 1,
    bias: bool = True,
) -> Cost:
    """Parameters and MACs of a convolution with square filters.

    Args:
        output: (height, width, filters) of what comes out.
        kernel: Side of the filters.
        channels: The channels of the input.
        groups: Parts that input channels and filters are split into.
        bias: Whether each filter has one.

    Raises:
        UserError: If the groups do not divide channels and filters.
    """
    height, width, filters = output
    if groups < 1 or channels % groups or filters % groups:
        raise UserError(
            f"groups: got {groups}, must divide {channels} channels and {filters} filters"
        )
    weights = kernel * kernel * channels // groups * filters
    positions = height * width
    return Cost(weights, filters * bias, weights * positions, positions * filters)


def fully_connected_cost(
    inputs: Sequence[int], outputs: Sequence[int], *, bias: bool = True
) -> Cost:
    """Parameters and MACs of connecting every input to every output.

    The shapes of a convolution give its dense equal.

    Args:
        inputs: Shape of what comes in, such as (224, 224, 3).
        outputs: Shape of what comes out, such as (224, 224, 64) or (4096,).
        bias: Whether each output has one.
    """
    units = math.prod(outputs)
    weights = math.prod(inputs) * units
    return Cost(weights, units * bias, weights, units)


@dataclass(frozen=True)
class ReceptiveField:
    """What one unit sees of the input, along one side.

    Attributes:
        size: Input pixels that can change the unit.
        jump: Input pixels between two neighbouring units.
        start: Centre of the first unit's field, in pixels from the image's edge.
    """

    size: int = 1
    jump: int = 1
    start: float = 0.5

    def through(
        self, kernel: int, stride: int = 1, padding: int = 0, dilation: int = 1
    ) -> ReceptiveField:
        """The field after one more window; `padding` is the cells added before the first."""
        extent = dilation * (kernel - 1)
        return ReceptiveField(
            self.size + extent * self.jump,
            self.jump * stride,
            self.start + (extent / 2 - padding) * self.jump,
        )

    def interval(self, index: int) -> tuple[float, float]:
        """Pixels [first, last) that unit `index` sees; they may lie outside of the image."""
        centre = self.start + index * self.jump
        return centre - self.size / 2, centre + self.size / 2


def receptive_field(stack: Iterable[tuple[int, ...]]) -> ReceptiveField:
    """The receptive field of a unit on top of a stack of convolutions and poolings.

    Args:
        stack: From the input upwards, (kernel, stride, padding[, dilation]) of each.
    """
    field = ReceptiveField()
    for window in stack:
        field = field.through(*window)
    return field
