"""Accuracy against the number of training images."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, PercentFormatter

from kerascnn.evaluation.probes import CurvePoint
from kerascnn.visualization.writing import in_style, new_figure


@in_style
def draw_learning_curve(curves: Mapping[str, Sequence[CurvePoint]], title: str = "") -> Figure:
    """Draws the test accuracy against the training images of each class, with all draws.

    Args:
        curves: The points of each curve, by its name.
        title: Over the picture.
    """
    figure = new_figure(7, 4.4)
    axes = figure.subplots()
    for number, (name, points) in enumerate(curves.items()):
        counts = [point.per_class for point in points]
        colour = f"C{number}"
        axes.plot(counts, [point.mean for point in points], color=colour, marker="o", label=name)
        for point in points:
            values = np.array(point.accuracies)
            axes.plot(np.full(len(values), point.per_class), values, ".", color=colour, alpha=0.4)
    axes.set_xscale("log")
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
    axes.xaxis.set_minor_formatter("")
    axes.yaxis.set_major_formatter(PercentFormatter(1))
    axes.set(xlabel="training images of each class", ylabel="test accuracy", title=title)
    axes.grid(alpha=0.3)
    if len(curves) > 1:
        axes.legend()
    return figure
