"""A kernel slides over an image, in numbers: the worked examples of the lectures.

What the lectures call convolution is cross-correlation: output (i, j) is the sum over p and q of
kernel (p, q) times image (i S + p, j S + q), at stride S. The kernel is not flipped.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from kerascnn.arithmetic import output_size
from kerascnn.errors import UserError, unknown


def _rows(text: str) -> np.ndarray:
    return np.array([[float(cell) for cell in row.split()] for row in text.split(";")])


def _digits(text: str) -> np.ndarray:
    return np.array([[float(digit) for digit in row] for row in text.split()])


# Identity and blur as in the lectures; the others as in image editors (the GIMP manual, section
# "Convolution matrix").
KERNELS: Mapping[str, np.ndarray] = {
    "identity": _rows("0 0 0; 0 1 0; 0 0 0"),
    "blur": _rows(".1 .1 .1; .1 .2 .1; .1 .1 .1"),
    "sharpen": _rows("0 -1 0; -1 5 -1; 0 -1 0"),
    "edge": _rows("0 1 0; 1 -4 1; 0 1 0"),
    "emboss": _rows("-2 -1 0; -1 1 1; 0 1 2"),
}


@dataclass(frozen=True)
class Example:
    """A worked example.

    Attributes:
        image: (H, W).
        kernels: By name, (F, F) each.
        stride: Of the kernels.
        squashing: (slope, offset) of the sigmoid that the slides put the output through; None
            where they do not.
        exact: Whether a stride that does not fit is an error on the slides; on others it leaves
            the last rows and columns out.
    """

    image: np.ndarray
    kernels: Mapping[str, np.ndarray]
    stride: int = 1
    squashing: tuple[float, float] | None = None
    exact: bool = True


ExampleName = Literal["two-filters", "seven-by-seven", "downsampling", "three-by-two", "detector"]

EXAMPLES: Mapping[ExampleName, Example] = {
    "two-filters": Example(
        _digits("100001 010010 001100 100010 010010 001010"),
        {
            "filter 1": _rows("1 -1 -1; -1 1 -1; -1 -1 1"),
            "filter 2": _rows("-1 1 -1; -1 1 -1; -1 1 -1"),
        },
        exact=False,
    ),
    "seven-by-seven": Example(
        _digits("0000000 0111110 0100100 0101000 0110000 0100000 0000000"),
        {"kernel": _rows("0 0 0; 0 1 1; 0 1 0")},
    ),
    "downsampling": Example(
        _digits("111110 100100 101000 110000 100000 000000"),
        {"kernel": np.ones((2, 2))},
        stride=2,
    ),
    "three-by-two": Example(_rows("1 .5 20; .25 0 0; 0 0 20"), {"kernel": _rows("1 .2; .2 0")}),
    "detector": Example(
        _rows("0 0 255 0 0; 0 0 255 0 0; 0 0 255 0 0; 0 255 0 0 0; 255 0 0 0 0"),
        {"kernel": _rows("0 .5; .5 0")},
        squashing=(0.02, -4.0),
    ),
}
assert set(EXAMPLES) == set(get_args(ExampleName))


def read_kernel(text: str) -> np.ndarray:
    """Returns a kernel (F, G) by its name in KERNELS, or from numbers such as "1 0 -1; 1 0 -1".

    Raises:
        UserError: If there is no such name, or the rows hold no numbers or not equally many.
    """
    if text in KERNELS:
        return KERNELS[text]
    if any(character.isdigit() for character in text):
        try:
            kernel = _rows(text)
        except ValueError:
            kernel = np.empty((0, 0))
        if kernel.size and np.isfinite(kernel).all():
            return kernel
        raise UserError(
            f"got '{text}', a kernel is rows of equally many numbers, such as '1 0 -1; 1 0 -1'"
        )
    raise unknown("kernel", text, KERNELS, hint="or give its rows, such as '1 0 -1; 1 0 -1'")


@dataclass(frozen=True)
class Slide:
    """What a window sees as it slides over an image.

    Attributes:
        image: With its padding, (H + 2 P, W + 2 P).
        stride: S.
        cells: Of the image under each window, (H', W', F, G).
    """

    image: np.ndarray
    stride: int
    cells: np.ndarray

    @property
    def left_out(self) -> tuple[int, int]:
        """How many rows at the bottom and columns at the right no window sees."""
        rows, columns = (
            size - side - (count - 1) * self.stride
            for size, side, count in zip(
                self.image.shape, self.cells.shape[2:], self.cells.shape[:2], strict=True
            )
        )
        return max(rows, 0), max(columns, 0)

    @property
    def positions(self) -> list[tuple[int, int]]:
        """Where in the output the windows stand, (row, column), in the order of reading."""
        return list(np.ndindex(self.cells.shape[:2]))


def slide(
    image: np.ndarray,
    window: tuple[int, int],
    *,
    stride: int = 1,
    padding: int = 0,
    exact: bool = True,
) -> Slide:
    """Slides a window over an image.

    Args:
        image: (H, W).
        window: F and G, its cells down and across.
        stride: Steps between two windows, both ways.
        padding: Rows and columns of zeros around the image.
        exact: Whether a stride that does not divide the way is an error, as in the lectures;
            otherwise the last rows and columns that fill no window are left out, as Keras does.

    Raises:
        UserError: If the window or the stride does not fit.
    """
    sizes = []
    for what, size, side in zip(("rows", "columns"), image.shape, window, strict=True):
        try:
            sizes.append(
                output_size(
                    size,
                    side,
                    stride=stride,
                    padding=padding,
                    rounding="exact" if exact else "floor",
                )
            )
        except UserError as error:
            square = len(set(image.shape)) == len(set(window)) == 1
            raise error if square else UserError(f"{what}: {error}") from None
    padded = np.pad(image, padding)
    every = sliding_window_view(padded, window)
    cells = every[::stride, ::stride]
    assert list(cells.shape[:2]) == sizes
    return Slide(padded, stride, cells)


def convolved(seen: Slide, kernel: np.ndarray) -> np.ndarray:
    """Returns the output of a kernel (F, G), (H', W')."""
    output: np.ndarray = np.tensordot(seen.cells, kernel, 2)
    return output
