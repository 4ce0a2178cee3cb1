"""Learning curves of one run, or of several over each other."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib import colormaps
from matplotlib.figure import Figure

from kerascnn.metrics import followed, is_accuracy
from kerascnn.visualization.sweep_axes import log_axis
from kerascnn.visualization.writing import in_style, new_figure

_PER_ROW = 4  # names in the legend


@in_style
def draw_curves(histories: Mapping[str, Mapping[str, Sequence[float]]]) -> Figure:
    """Draws loss and accuracy over the epochs, training dashed and validation solid.

    Where no run has an accuracy, since images have several labels, mean average precision.

    Each run has a colour; of more than ten, colours go from the first to the last.

    Args:
        histories: Values per epoch by metric name ("loss", "val_loss", ...), by run name.
    """
    several = len(histories) > 1
    rows = math.ceil(len(histories) / _PER_ROW) if several else 0
    figure = new_figure(11, 4.4 + 0.22 * rows)
    colours = _colours(len(histories))
    figures = ("loss", followed(name for history in histories.values() for name in history))
    for axes, metric in zip(figure.subplots(1, 2), figures, strict=True):
        for colour, (name, history) in zip(colours, histories.items(), strict=True):
            training, validation = history.get(metric, ()), history.get(f"val_{metric}", ())
            axes.plot(range(1, len(training) + 1), training, "--", color=colour, alpha=0.6)
            # A label that begins with _ would be left out of the legend.
            label = f" {name}"[not name.startswith("_") :] if several else "validation"
            epochs = range(1, len(validation) + 1)
            axes.plot(epochs, validation, "-", color=colour, label=label, marker=".")
            if validation and metric == "loss":
                lowest = min(validation)
                epoch = list(validation).index(lowest) + 1
                axes.plot(epoch, lowest, "o", color=colour, ms=8, mfc="none")
        axes.set_xlabel("epoch")
        axes.set_title(metric.replace("_", " "))
        if metric == "loss":
            log_axis(axes, _positive(histories), lambda value, _: f"{value:g}", axis="y")
        elif is_accuracy(metric):
            axes.yaxis.set_major_formatter(lambda value, _: f"{100 * value:.6g}%")
        axes.grid(alpha=0.3)
        axes.xaxis.get_major_locator().set_params(integer=True)
    axes = figure.axes[0]
    if several:
        axes.plot([], [], "-", color="grey", label="solid: validation")
    axes.plot([], [], "--", color="grey", label="dashed: training" if several else "training")
    if any(history.get("val_loss") for history in histories.values()):
        axes.plot([], [], "o", color="grey", ms=8, mfc="none", label="lowest validation loss")
    handles = axes.get_legend_handles_labels()
    figure.legend(
        *handles, fontsize="small", loc="outside lower center", ncols=_PER_ROW, frameon=False
    )
    return figure


def _colours(count: int) -> list[Any]:
    """Returns a colour for each of some lines."""
    if count <= 10:
        return [f"C{index}" for index in range(count)]
    return [colormaps["turbo"](share) for share in np.linspace(0.05, 0.95, count)]


def _positive(histories: Mapping[str, Mapping[str, Sequence[float]]]) -> np.ndarray:
    """Returns every loss that a log axis can show; at least one number."""
    found = [
        value
        for history in histories.values()
        for name in ("loss", "val_loss")
        for value in history.get(name, ())
        if 0 < value < math.inf
    ]
    return np.array(found or [1.0])
