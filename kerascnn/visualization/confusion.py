"""The confusion matrix as a picture."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure

from kerascnn.visualization.writing import new_figure


def draw_confusion(confusion: np.ndarray, classes: Sequence[str], title: str) -> Figure:
    """Draws shares of each true class (a row sums to 1), with the counts written where they fit.

    Args:
        confusion: Counts (classes, classes), true class by row.
        classes: Their names.
        title: The title of the picture.
    """
    count = len(classes)
    side = min(4.0 + 0.42 * count, 24)
    figure = new_figure(side + 1, side)
    axes = figure.subplots()
    shares = confusion / np.maximum(confusion.sum(axis=1, keepdims=True), 1)
    image = axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    figure.colorbar(image, ax=axes, shrink=0.8, label="share of the true class")
    if count <= 100:
        names = [name if len(name) <= 18 else f"{name[:17]}…" for name in classes]
        size = max(4, min(10, 300 / count))
        axes.set_xticks(range(count), names, rotation=90 if count > 4 else 0, fontsize=size)
        axes.set_yticks(range(count), names, fontsize=size)
    if count <= 30:
        for row, column in zip(*np.nonzero(confusion), strict=True):
            axes.text(
                column,
                row,
                str(confusion[row, column]),
                ha="center",
                va="center",
                fontsize=max(5, min(9, 180 / count)),
                color="white" if shares[row, column] > 0.5 else "black",
            )
    axes.set(xlabel="predicted", ylabel="true", title=title)
    return figure
