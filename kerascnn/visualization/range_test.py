"""The learning-rate range test as a picture."""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import NullFormatter

from kerascnn.visualization.writing import in_style, new_figure


@in_style
def draw_range_test(
    rates: np.ndarray, losses: np.ndarray, smoothed: np.ndarray, suggestion: float, title: str
) -> Figure:
    """Draws loss over learning rate, with the suggestion.

    Args:
        rates: Learning rate of each step (N,).
        losses: The loss of each step's batch (N,).
        smoothed: The same, smoothed (N,).
        suggestion: Learning rate to start from.
        title: Above the picture.
    """
    figure = new_figure(8, 4.8)
    axes = figure.subplots()
    axes.plot(rates, losses, color="C0", alpha=0.3, lw=1, label="loss of each batch")
    axes.plot(rates, smoothed, color="C0", label="smoothed")
    lowest = int(np.argmin(smoothed))
    axes.plot(rates[lowest], smoothed[lowest], "o", color="C0", mfc="none", label="lowest")
    axes.axvline(suggestion, color="C3", ls="--", label=f"suggestion {suggestion:.2g}")
    axes.set_xscale("log")
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:g}")
    axes.xaxis.set_minor_formatter(NullFormatter())
    # What diverges would press the rest flat.
    top = float(np.max(smoothed[: lowest + 1]))
    bottom = float(np.min(smoothed))
    axes.set_ylim(bottom - 0.1 * (top - bottom), top + 0.6 * (top - bottom))
    axes.set_xlabel("learning rate")
    axes.set_ylabel("training loss")
    axes.set_title(title)
    axes.grid(alpha=0.3)
    axes.legend(fontsize="small", loc="upper left")
    return figure
