"""Invariance curves: what distortions leave of the accuracy, and how far they move the layers."""

from __future__ import annotations

import math

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from kerascnn.evaluation.distortions import DISTORTIONS
from kerascnn.evaluation.stress import Point, StressTest
from kerascnn.visualization.writing import in_style, new_figure

_PER_ROW = 4


@in_style
def draw_stress(test: StressTest, title: str = "") -> Figure:
    """Draws accuracy against the strength of each distortion, with 95% intervals.

    Args:
        test: From `stress_test`.
        title: Over the picture.
    """
    figure, grid = _grid(test, title)
    lows = [point.accuracy.low for point in test.points]
    bottom = min([test.plain.low, *lows])
    for kind, axes in grid.items():
        places, points = _along(axes, test, kind)
        axes.axhline(test.plain.value, color="0.5", linestyle="--", label="untouched", linewidth=1)
        found = [test.plain, *(point.accuracy for point in points)]
        low, high = [value.low for value in found], [value.high for value in found]
        axes.fill_between(places, low, high, alpha=0.25, label="95% interval")
        axes.plot(places, [value.value for value in found], marker="o", markersize=4)
        axes.set_ylim(max(0, bottom - 0.03), 1.02)
        axes.yaxis.set_major_formatter(PercentFormatter(1))
    first = next(iter(grid.values()))
    _finish(figure, grid, "accuracy", first)
    return figure


@in_style
def draw_layer_distances(test: StressTest, title: str = "") -> Figure:
    """Draws how far each distortion moves the activations of each layer (see `Point.distances`).

    Args:
        test: From `stress_test`.
        title: Over the picture.
    """
    figure, grid = _grid(test, title)
    colours = colormaps["viridis"](np.linspace(0, 0.92, len(test.layers)))
    top = max((max(point.distances) for point in test.points), default=1.0)
    for kind, axes in grid.items():
        places, points = _along(axes, test, kind)
        axes.axhline(1, color="0.5", linestyle="--", label="another image", linewidth=1)
        for number, name in enumerate(test.layers):
            values = [0, *(point.distances[number] for point in points)]
            label = f" {name}"[not name.startswith("_") :]
            axes.plot(places, values, color=colours[number], label=label, marker="o", markersize=3)
        axes.set_ylim(0, max(1.1, 1.05 * top))
    _finish(figure, grid, "distance from the untouched image", next(iter(grid.values())))
    return figure


def _grid(test: StressTest, title: str) -> tuple[Figure, dict[str, Axes]]:
    kinds = test.kinds
    columns = min(_PER_ROW, len(kinds))
    rows = math.ceil(len(kinds) / columns)
    figure = new_figure(max(6.0, 2.9 * columns), 2.7 * rows + 0.9)
    figure.suptitle(title)
    axes = figure.subplots(rows, columns, squeeze=False, sharey=True)
    for spare in axes.flat[len(kinds) :]:
        spare.set_visible(False)
    return figure, dict(zip(kinds, axes.flat, strict=False))


def _along(axes: Axes, test: StressTest, kind: str) -> tuple[range, list[Point]]:
    """Names an axis of six places, the untouched image first; returns them and the points."""
    points = [point for point in test.points if point.kind == kind]
    distortion = DISTORTIONS[kind]
    places = range(len(points) + 1)
    names = [distortion.form.format(point.strength) for point in points]
    axes.set_xticks(places, ["none", *names], fontsize="small")
    axes.set_xlabel(distortion.measure, fontsize="small")
    axes.set_title(kind)
    axes.grid(alpha=0.3)
    return places, points


def _finish(figure: Figure, grid: dict[str, Axes], what: str, first: Axes) -> None:
    figure.supylabel(what, fontsize="medium")
    handles, labels = first.get_legend_handles_labels()
    columns = len(labels) if sum(len(label) + 8 for label in labels) < 34 * len(grid) else 4
    figure.legend(handles, labels, loc="outside lower center", ncols=columns, fontsize="small")
