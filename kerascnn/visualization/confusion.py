"""The confusion matrix as a picture."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure

from kerascnn.evaluation.tables import confused_pairs, most_confused
from kerascnn.visualization.writing import in_style, new_figure

_NAMED = 60  # classes whose names can be read beside a matrix
_COUNTED = 30  # classes whose counts can be read in it
_DRAWN = 1000  # classes that a matrix has pixels for
_LARGEST = 25


@in_style
def draw_confusion(confusion: np.ndarray, classes: Sequence[str], title: str) -> Figure:
    """Draws shares of each true class (a row sums to 1), with the counts written where they fit.

    Of more classes than can be named, the largest confusions are named instead, beside the matrix
    with similar classes next to each other, so that groups that are confused show as blocks; of
    more than can be told apart, the matrix has those that are confused most.

    Args:
        confusion: Counts (classes, classes), true class by row.
        classes: Their names.
        title: The title of the picture.
    """
    if len(classes) > _NAMED:
        return _many(confusion, classes, title)
    shares = confusion / np.maximum(confusion.sum(axis=1, keepdims=True), 1)
    count = len(classes)
    side = min(4.0 + 0.42 * count, 24)
    figure = new_figure(side + 1, side)
    axes = figure.subplots()
    image = axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    figure.colorbar(image, ax=axes, shrink=0.8, label="share of the true class", format=_percent)
    names = [_short(name) for name in classes]
    size = max(6, min(10, 300 / count))
    axes.set_xticks(range(count), names, rotation=90 if count > 4 else 0, fontsize=size)
    axes.set_yticks(range(count), names, fontsize=size)
    if count <= _COUNTED:
        for row, column in zip(*np.nonzero(confusion), strict=True):
            axes.text(
                column,
                row,
                str(confusion[row, column]),
                ha="center",
                va="center",
                fontsize=max(6, min(9, 180 / count)),
                color="white" if shares[row, column] > 0.5 else "black",
            )
    axes.set(xlabel="predicted", ylabel="true", title=title)
    return figure


def _many(confusion: np.ndarray, classes: Sequence[str], title: str) -> Figure:
    figure = new_figure(15, 7.5)
    figure.suptitle(title)
    matrix, bars = figure.subplots(1, 2, width_ratios=[1.15, 1])
    drawn = most_confused(confusion, _DRAWN)
    order = drawn[similar_first(confusion[np.ix_(drawn, drawn)])]
    ordered = confusion[np.ix_(order, order)] / np.maximum(confusion.sum(axis=1)[order, None], 1)
    least = 1 / max(2, confusion.sum(axis=1).max())
    image = matrix.imshow(
        np.maximum(ordered, least / 2), cmap="Blues", norm=LogNorm(least / 2, 1), rasterized=True
    )
    figure.colorbar(image, ax=matrix, shrink=0.8, label="share of the true class", format=_percent)
    matrix.set(xticks=[], yticks=[])
    of = "" if len(order) == len(classes) else f"the most confused {len(order):,} of "
    matrix.set_xlabel(f"predicted: {of}{len(classes):,} classes, similar ones next to each other")
    matrix.set_ylabel("true, in the same order")
    _bars(bars, confusion, classes)
    return figure


def _bars(axes: Axes, confusion: np.ndarray, classes: Sequence[str]) -> None:
    """Draws the largest confusions by their share of the true class, with their counts."""
    pairs = confused_pairs(confusion)
    counts = confusion[tuple(pairs.T)]
    shares = counts / confusion.sum(axis=1)[pairs[:, 0]]
    first = np.lexsort((-shares, -counts))[:_LARGEST]
    largest, values = pairs[first], shares[first]
    axes.barh(range(len(largest)), values, color="C0")
    for place, (t, s) in enumerate(largest):
        axes.text(values[place], place, f" {confusion[t, s]}", va="center", fontsize=8)
    names = [f"{_short(classes[t])} as {_short(classes[s])}" for t, s in largest]
    axes.set_yticks(range(len(largest)), names, fontsize=8)
    axes.invert_yaxis()
    axes.xaxis.set_major_formatter(_percent)
    axes.margins(x=0.12)
    axes.set(xlabel="share of the true class", title="the most frequent confusions, and how many")
    axes.spines[["top", "right"]].set_visible(False)


def similar_first(confusion: np.ndarray) -> np.ndarray:
    """Returns the order of the classes that puts those next to each other that are confused.

    The leaves of an average-linkage tree over the share of confusions, either way, with the
    optimal order of its branches (Bar-Joseph et al. 2001).

    Args:
        confusion: Counts (classes, classes), true class by row.
    """
    from scipy.cluster.hierarchy import leaves_list, linkage, optimal_leaf_ordering
    from scipy.spatial.distance import squareform

    shares = confusion / np.maximum(confusion.sum(axis=1, keepdims=True), 1)
    alike = np.minimum(shares + shares.T, 1.0)
    distance = 1 - alike
    np.fill_diagonal(distance, 0)
    flat = squareform(distance, checks=False)
    tree = linkage(flat, method="average")
    if len(confusion) <= 300:  # its cost is cubic
        tree = optimal_leaf_ordering(tree, flat)
    order: np.ndarray = leaves_list(tree)
    return order


def _short(name: str) -> str:
    return name if len(name) <= 18 else f"{name[:17]}…"


def _percent(share: float, position: float | None = None) -> str:
    return f"{share:.0%}" if share >= 0.01 or share == 0 else f"{share:.1%}"
