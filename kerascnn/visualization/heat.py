"""Maps of numbers as colours, alone and over the image that they are of."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TypeVar

import numpy as np
from matplotlib import colormaps

_SHADE = 0.5  # share of the colours where a map lies over an image
_CELLS = 9  # in a row of a sheet

Cell = TypeVar("Cell")


def scaled(values: np.ndarray, *, quantile: float = 1.0) -> np.ndarray:
    """Returns values divided by their largest magnitude, within -1..1; zeros where all are zero.

    Args:
        values: Of any shape.
        quantile: Of the magnitudes, that stands for the largest; what is beyond becomes 1 or -1.
    """
    most = float(np.quantile(np.abs(values), quantile)) or float(np.abs(values).max(initial=0))
    return np.clip(values / most, -1, 1) if most > 0 else np.zeros_like(values, dtype=float)


def as_colours(values: np.ndarray, colours: str) -> np.ndarray:
    """Returns numbers as pixels, uint8 (H, W, 3).

    Args:
        values: (H, W), 0..1 from the first of the colours to the last.
        colours: Name of a colour map of matplotlib's.
    """
    return np.asarray((255 * colormaps[colours](values)[..., :3]).round(), np.uint8)


def over(image: np.ndarray, heat: np.ndarray) -> np.ndarray:
    """Returns an image in grey under the colours of a map, uint8 (H, W, 3).

    Args:
        image: uint8 (H, W, C).
        heat: (H, W), 0..1, from blue to red.
    """
    grey = image.mean(axis=-1, keepdims=True)
    mixed = (1 - _SHADE) * grey + _SHADE * as_colours(heat, "turbo")
    return np.asarray(mixed.round(), np.uint8)


def in_rows(groups: Iterable[Sequence[Cell]]) -> list[list[Cell]]:
    """Lays out groups of cells side by side, as many in a row as there is room for.

    Args:
        groups: Cells that stay together; none is empty.
    """
    rows: list[list[Cell]] = [[]]
    for group in groups:
        if rows[-1] and len(rows[-1]) + len(group) > _CELLS:
            rows.append([])
        rows[-1] += group
    return rows
