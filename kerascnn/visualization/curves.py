"""Learning curves of one run, or of several over each other."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure

from kerascnn.visualization.sweep_axes import log_axis
from kerascnn.visualization.writing import in_style, new_figure


@in_style
def draw_curves(histories: Mapping[str, Mapping[str, Sequence[float]]]) -> Figure:
    """Draws loss and accuracy over the epochs, training dashed and validation solid.

    Args:
        histories: Values per epoch by metric name ("loss", "val_loss", ...), by run name.
    """
    figure = new_figure(11, 4.2)
    for axes, metric in zip(figure.subplots(1, 2), ("loss", "accuracy"), strict=True):
        for index, (name, history) in enumerate(histories.items()):
            training, validation = history.get(metric, ()), history.get(f"val_{metric}", ())
            epochs = range(1, len(validation) + 1)
            axes.plot(range(1, len(training) + 1), training, "--", color=f"C{index}", alpha=0.6)
            # A label that begins with _ would be left out of the legend.
            label = f" {name}"[not name.startswith("_") :] if len(histories) > 1 else "validation"
            axes.plot(epochs, validation, "-", color=f"C{index}", label=label, marker=".")
            if validation and metric == "loss":
                lowest = min(validation)
                axes.plot(
                    list(validation).index(lowest) + 1,
                    lowest,
                    "o",
                    color=f"C{index}",
                    ms=8,
                    mfc="none",
                )
        axes.plot([], [], "--", color="grey", label="training")
        axes.set_xlabel("epoch")
        axes.set_title(metric)
        if metric == "loss":
            log_axis(axes, _positive(histories), lambda value, _: f"{value:g}", axis="y")
        axes.grid(alpha=0.3)
        axes.xaxis.get_major_locator().set_params(integer=True)
        axes.legend(fontsize="small")
    return figure


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
