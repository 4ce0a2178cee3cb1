"""Kernels as pictures: those that look at the image, and heat maps of the deeper ones."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import ClassVar

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from pydantic import Field

from kerascnn.errors import UserError
from kerascnn.inspection.kernels import (
    colour_share,
    groups_behind,
    kernels_of,
    orientation_selectivity,
)
from kerascnn.visualization.kinds import Kind
from kerascnn.visualization.picture import Picture, Subject
from kerascnn.visualization.writing import in_style, new_figure

_GOLDEN = 1.5  # columns to rows, as AlexNet's 96 filters are shown: 8 rows of 12
_BACKGROUND = 1.0  # white
_MOST = 96  # filters of a panel
_MOST_ROWS = _MOST_COLUMNS = 16  # filters and channels of a heat map
_INCHES = 4.6  # of a panel's longer side


@in_style
def draw_filters(panels: Mapping[str, np.ndarray], title: str = "") -> Figure:
    """Draws filters as images, each scaled over all its channels together to the whole range.

    Args:
        panels: float (H, W, 1 or 3, N) by what stands over each panel, drawn two to a row where
            they are of one shape.
        title: Over the picture.
    """
    columns = 2 if len(panels) > 1 else 1
    rows = math.ceil(len(panels) / columns)
    sheets = {name: mosaic(kernels[..., :_MOST]) for name, kernels in panels.items()}
    tall, wide = next(iter(sheets.values())).shape[:2]
    unit = _INCHES / max(tall, wide)
    figure = new_figure(
        max(3.2, columns * (wide * unit + 0.3)), rows * (tall * unit + 0.45) + 0.4 * bool(title)
    )
    if title:
        figure.suptitle(title)
    engine = figure.get_layout_engine()
    assert engine is not None
    engine.set(wspace=0.08)  # type: ignore[call-arg]  # of the constrained one; panels stay apart
    grid = figure.subplots(rows, columns, squeeze=False)
    for axes in grid.flat:
        axes.set_axis_off()
    for axes, (name, sheet) in zip(grid.flat, sheets.items(), strict=False):
        axes.set_title(name, fontsize="small")
        axes.imshow(sheet, cmap="gray", vmin=0, vmax=1, interpolation="nearest")
    return figure


@in_style
def draw_heat_maps(panels: Mapping[str, np.ndarray], title: str = "") -> Figure:
    """Draws kernels channel by channel: a row for each filter, a column for each channel it reads.

    All of a panel have one scale, red for positive and blue for negative weights. Kernels of one
    cell become a matrix.

    Args:
        panels: float (H, W, C, N) by what stands over each panel.
        title: Over the picture.
    """
    shapes = [kernels.shape for kernels in panels.values()]
    matrix = shapes[0][:2] == (1, 1)
    figure = new_figure(5.2 * len(panels) + 0.4, 5.4)
    figure.suptitle(title)
    for axes, (name, kernels) in zip(
        figure.subplots(1, len(panels), squeeze=False).flat, panels.items(), strict=True
    ):
        sheet = kernels[0, 0].T if matrix else _by_channel(kernels)
        top = float(np.nanmax(np.abs(sheet))) or 1.0
        image = axes.imshow(
            sheet, cmap="RdBu_r", vmin=-top, vmax=top, interpolation="nearest", aspect="auto"
        )
        axes.set_title(name, fontsize="small")
        axes.set_xlabel("input" if matrix else "channel read")
        axes.set_ylabel("unit" if matrix else "filter")
        if not matrix:
            _number(axes, kernels)
        figure.colorbar(image, ax=axes, shrink=0.7, label="weight")
    return figure


def _number(axes: Axes, kernels: np.ndarray) -> None:
    """Numbers the rows and columns of a heat map of kernels that are larger than one cell."""
    height, width, channels, filters = kernels.shape
    for axis, size, count in ((axes.xaxis, width, channels), (axes.yaxis, height, filters)):
        step = max(1, count // 8)
        places = np.arange(0, count, step)
        axis.set_ticks(places * (size + 1) + (size - 1) / 2, [str(place) for place in places])
    axes.tick_params(length=0)
    axes.grid(visible=False)


def _by_channel(kernels: np.ndarray) -> np.ndarray:
    """Returns kernels in rows of filters and columns of channels, NaN between them."""
    height, width, channels, filters = kernels.shape
    sheet = np.full((filters, height + 1, channels, width + 1), np.nan, np.float32)
    sheet[:, :-1, :, :-1] = kernels.transpose(3, 0, 2, 1)
    return sheet.reshape(filters * (height + 1), channels * (width + 1))[:-1, :-1]


def mosaic(kernels: np.ndarray) -> np.ndarray:
    """Returns filters side by side, each scaled to 0..1 over all its channels together.

    Args:
        kernels: float (H, W, 1 or 3, N).

    Returns:
        float32 (rows, columns) or (rows, columns, 3), a white line between two filters.
    """
    height, width, channels, count = kernels.shape
    low, high = kernels.min(axis=(0, 1, 2)), kernels.max(axis=(0, 1, 2))
    scaled = (kernels - low) / np.where(high > low, high - low, 1)
    columns = columns_for(count)
    rows = math.ceil(count / columns)
    gap = max(1, height // 10)
    sheet = np.full(
        (rows * (height + gap) - gap, columns * (width + gap) - gap, channels),
        _BACKGROUND,
        np.float32,
    )
    for number in range(count):
        top, left = number // columns * (height + gap), number % columns * (width + gap)
        sheet[top : top + height, left : left + width] = scaled[..., number]
    return sheet[..., 0] if channels == 1 else sheet


def columns_for(count: int) -> int:
    """Returns how many of so many tiles stand in a row: full rows, if they are no odd shape."""
    exact = [columns for columns in range(1, count + 1) if count % columns == 0]
    best = min(exact, key=lambda columns: abs(math.log(columns * columns / count / _GOLDEN)))
    if 0.5 <= best * best / count <= 4:
        return best
    return math.ceil(math.sqrt(count * _GOLDEN))


class Filters(Kind, name="filters"):
    """The kernels of a layer, before and after training."""

    SMALLEST: ClassVar[int] = 2  # pixels a side of what can be seen as an image

    layer: str | None = Field(None, description="the first with kernels, if not given")
    before: bool = Field(True, description="the kernels that training began with, too")

    def picture(self, subject: Subject) -> Picture:
        """Draws them as images where they look at the pixels, and as heat maps where not."""
        name, after = kernels_of(subject.model, self.layer)
        first = kernels_of(subject.model)[0] == name
        found = {"after training": after}
        lines = []
        if subject.load_untrained is None:
            found = {"as initialized": after}
        elif self.before:
            try:
                found = {"before training": kernels_of(subject.untrained, name)[1], **found}
            except UserError as error:
                lines.append(f"without the filters before training: {error}")
        height, width, channels, count = after.shape
        title = f"{subject.name}: {name}, {count} filters of {height}x{width}x{channels}"
        if channels in (1, 3) and min(height, width) >= self.SMALLEST and first:
            groups = groups_behind(subject.model, name)
            panels = {
                _titled(when, group, groups): part
                for group in range(groups)
                for when, kernels in found.items()
                for part in [np.split(kernels, groups, axis=-1)[group]]
            }
            figure = draw_filters(panels, title)
            lines += _measured(after, groups)
            if count // groups > _MOST:
                lines.append(f"{name}: the first {_MOST} of {count // groups} are drawn")
        else:
            kept = {when: _strongest(kernels, after) for when, kernels in found.items()}
            figure = draw_heat_maps(kept, title)
            drawn = next(iter(kept.values())).shape
            if drawn != after.shape:
                what = f"{drawn[3]} filters with the largest weights, in {drawn[2]} channels"
                lines.append(f"{name}: drawn are the {what}")
        arrays = {when.replace(" ", "_"): kernels for when, kernels in found.items()}
        if channels == 3 and first:
            arrays["colour"] = colour_share(after)
        if min(height, width) >= self.SMALLEST:
            arrays["orientation"] = orientation_selectivity(after)
        return Picture((figure,), arrays, tuple(lines))


def _titled(when: str, group: int, groups: int) -> str:
    return when if groups == 1 else f"{when}, group {group + 1}"


def _strongest(kernels: np.ndarray, by: np.ndarray) -> np.ndarray:
    """Returns the filters and channels where another kernel has the largest weights, in order."""
    if kernels.shape[:2] == (1, 1) and max(kernels.shape[2:]) <= 4 * _MOST_COLUMNS:
        return kernels
    energy = (by**2).sum(axis=(0, 1))
    channels = np.sort(np.argsort(-energy.sum(axis=1), kind="stable")[:_MOST_COLUMNS])
    filters = np.sort(np.argsort(-energy.sum(axis=0), kind="stable")[:_MOST_ROWS])
    return kernels[:, :, channels][..., filters]


def _measured(kernels: np.ndarray, groups: int) -> list[str]:
    """Returns in words how coloured and how oriented the filters of each group are."""
    lines = []
    for group, part in enumerate(np.split(kernels, groups, axis=-1), start=1):
        what = f"group {group}" if groups > 1 else "filters"
        figures = []
        if kernels.shape[2] == 3:
            figures.append(f"colour {colour_share(part).mean():.2f}")
        figures.append(f"orientation {orientation_selectivity(part).mean():.2f}")
        lines.append(f"{what}: {', '.join(figures)} on average (0 none, 1 pure)")
    return lines
