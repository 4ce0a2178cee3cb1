"""Small matrices with their numbers in the cells, side by side."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from kerascnn.visualization.writing import in_style, new_figure

_CELL, _GAP, _MARGIN = 0.44, 0.5, 0.25  # inches
_ABOVE, _BELOW, _TITLE = 0.32, 0.3, 0.5
_LETTER, _TITLE_LETTER = 0.085, 0.105  # of the texts, inches
_COLOURS = LinearSegmentedColormap.from_list("numbers", ["#7fb0e8", "#ffffff", "#f5b56b"])
_INK, _FAINT, _FRAME = "#282828", "#9a9a9a", "#C8323C"


def short(number: float) -> str:
    """Returns a number in three or four digits, such as "3", "-1", "0.333" or "127.5"."""
    return f"{number:.{3 if abs(number) < 1 else 4}g}" if number else "0"  # no -0


def table_of(numbers: np.ndarray) -> list[str]:
    """Returns a matrix as lines of text, its columns in line."""
    texts = [[short(number) for number in row] for row in numbers]
    width = max(len(text) for row in texts for text in row)
    return [" ".join(text.rjust(width) for text in row) for row in texts]


@dataclass(frozen=True)
class NumberGrid:
    """A matrix to be drawn.

    Attributes:
        numbers: (H, W).
        title: Over it.
        below: A line under it.
        window: Cells that are framed: top, left, height, width.
        known: Which cells are to be seen already, (H, W) of bool; all if None.
        marked: Which cells are framed and in bold, (H, W) of bool; none if None.
        padding: Rows and columns at the edge that are drawn as padding.
        most: The size of number with the strongest colour; the largest there is, if None.
    """

    numbers: np.ndarray
    title: str = ""
    below: str = ""
    window: tuple[int, int, int, int] | None = None
    known: np.ndarray | None = None
    marked: np.ndarray | None = None
    padding: int = 0
    most: float | None = None


@in_style
def draw_number_grids(rows: Sequence[Sequence[NumberGrid | None]], title: str) -> Figure:
    """Draws matrices in rows, cells of one size everywhere; for a function that is `in_style`.

    Args:
        rows: Of matrices; None leaves a place free.
        title: Over all of it.
    """
    columns = max(map(len, rows))
    grids = [[*row, *[None] * (columns - len(row))] for row in rows]
    widths = [max(_width(row[i]) for row in grids) for i in range(columns)]
    heights = [
        max(grid.numbers.shape[0] * _CELL for grid in row if grid) + _ABOVE + _BELOW
        for row in grids
    ]
    width = max(sum(widths) + _GAP * (columns - 1), _TITLE_LETTER * len(title)) + 2 * _MARGIN
    height = sum(heights) + _TITLE + _MARGIN
    figure = new_figure(width, height, layout=None)
    # One pair of axes for all of it, in inches: many would take a frame of an animation a second.
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set_axis_off()
    axes.set(xlim=(0, width), ylim=(height, 0))
    axes.text(_MARGIN, 0.15, title, fontsize=11, weight="bold", color=_INK, va="top")
    top = _TITLE
    for row, high in zip(grids, heights, strict=True):
        left = _MARGIN
        for grid, wide in zip(row, widths, strict=True):
            if grid is not None:
                spare = high - _ABOVE - _BELOW - grid.numbers.shape[0] * _CELL
                _draw(axes, grid, left, top + _ABOVE + spare / 2)
            left += wide + _GAP
        top += high
    return figure


def _width(grid: NumberGrid | None) -> float:
    if grid is None:
        return 0
    letters = max(len(grid.title), len(grid.below))
    return max(_CELL * int(grid.numbers.shape[1]), _LETTER * letters)


def _draw(axes: Axes, grid: NumberGrid, left: float, top: float) -> None:
    numbers = grid.numbers
    high, wide = numbers.shape
    known = np.ones(numbers.shape, bool) if grid.known is None else grid.known
    marked = np.zeros(numbers.shape, bool) if grid.marked is None else grid.marked
    inside = np.zeros(numbers.shape, bool)
    edge = grid.padding
    inside[edge : high - edge, edge : wide - edge] = True
    most = grid.most or float(np.abs(numbers).max()) or 1.0
    colours = _COLOURS(0.5 + 0.5 * np.clip(numbers / most, -1, 1))
    colours[~known] = (1, 1, 1, 1)
    colours[~inside] = (0.92, 0.92, 0.92, 1)
    texts = {(row, column): short(numbers[row, column]) for row, column in np.argwhere(known)}
    size = 10 if max(map(len, texts.values()), default=0) < 5 else 8
    x, y = left + _CELL * np.arange(wide + 1), top + _CELL * np.arange(high + 1)
    axes.pcolormesh(x, y, colours, edgecolors="#b4b4b4", linewidth=0.7)
    for (row, column), text in texts.items():
        axes.text(
            left + (column + 0.5) * _CELL,
            top + (row + 0.52) * _CELL,
            text,
            ha="center",
            va="center",
            fontsize=size,
            color=_INK if inside[row, column] else _FAINT,
            weight="bold" if marked[row, column] else "normal",
        )
    windows = [(int(row), int(column), 1, 1) for row, column in np.argwhere(marked)]
    for window in filter(None, [grid.window, *windows]):
        above, before, tall, broad = (_CELL * side for side in window)
        axes.add_patch(
            Rectangle(
                (left + before, top + above), broad, tall, fill=False, edgecolor=_FRAME, lw=2.2
            )
        )
    axes.text(left, top - 0.07, grid.title, fontsize=10, color=_INK, va="bottom")
    axes.text(left, top + high * _CELL + 0.07, grid.below, fontsize=10, color=_INK, va="top")
