"""What a threshold on the probability trades: ROC, precision and recall, accuracy and coverage."""

from __future__ import annotations

from typing import Literal

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from kerascnn.evaluation.coverage import Coverage
from kerascnn.evaluation.predictions import Predictions
from kerascnn.visualization.writing import in_style, new_figure

_NAMED = 10  # classes that a legend can name
_GRID = np.linspace(0, 1, 501)


@in_style
def draw_roc(predictions: Predictions, title: str) -> Figure:
    """Draws the ROC curve of each class against the rest, and the mean of all classes.

    Args:
        predictions: The table.
        title: Of the picture.
    """
    from sklearn.metrics import auc, roc_curve

    figure = new_figure(6.4, 5.6)
    axes = figure.subplots()
    curves, areas = [], []
    for label, truth, scores in _classes(predictions):
        if truth.all():
            continue
        fpr, tpr, _ = roc_curve(truth, scores)
        curves.append(np.interp(_GRID, fpr, tpr))
        areas.append(auc(fpr, tpr))
        _line(axes, predictions, label, fpr, tpr, f"{areas[-1]:.4f}")
    if curves:
        mean = np.mean(curves, axis=0)
        mean[0] = 0
        name = f"mean of all  {np.mean(areas):.4f}"
        axes.plot(_GRID, mean, color="black", lw=2, label=name)
    axes.plot([0, 1], [0, 1], ":", color="grey", label="guessing  0.5")
    _finish(axes, "false positive rate", "true positive rate (recall)", title, "lower right")
    return figure


@in_style
def draw_precision_recall(predictions: Predictions, title: str) -> Figure:
    """Draws precision over recall of each class against the rest, and the mean of all classes.

    Args:
        predictions: The table.
        title: Of the picture.
    """
    from sklearn.metrics import average_precision_score, precision_recall_curve

    figure = new_figure(6.4, 5.6)
    axes = figure.subplots()
    curves, areas = [], []
    for label, truth, scores in _classes(predictions):
        precision, recall, _ = precision_recall_curve(truth, scores)
        # The highest precision that is had at a recall or above.
        highest = np.maximum.accumulate(precision)
        curves.append(np.interp(_GRID, recall[::-1], highest[::-1]))
        areas.append(float(average_precision_score(truth, scores)))
        _line(axes, predictions, label, recall, precision, f"{areas[-1]:.4f}")
    if curves:
        name = f"mean of all  {np.mean(areas):.4f}"
        axes.plot(_GRID, np.mean(curves, axis=0), color="black", lw=2, label=name)
    _finish(axes, "recall", "precision", title, "lower left")
    return figure


@in_style
def draw_coverage(curve: Coverage, title: str) -> Figure:
    """Draws accuracy against the share of images that are answered, by the least confidence.

    Args:
        curve: From `kerascnn.evaluation.coverage`.
        title: Of the picture.
    """
    figure = new_figure(6.4, 4.8)
    axes = figure.subplots()
    axes.plot(curve.answered, curve.accuracy, color="C0", label="accuracy of the answers")
    axes.plot(curve.answered, curve.threshold, "--", color="C1", label="least confidence")
    axes.set(xlim=(0, 1), ylim=(None, 1.005), xlabel="share answered", title=title)
    axes.xaxis.set_major_formatter(PercentFormatter(1))
    axes.yaxis.set_major_formatter(PercentFormatter(1))
    axes.grid(alpha=0.3)
    axes.legend(loc="lower left", fontsize="small")
    return figure


def _classes(predictions: Predictions) -> list[tuple[int, np.ndarray, np.ndarray]]:
    """Returns number, truth and scores of each class that has examples."""
    scores = predictions.by_class
    present = np.unique(predictions.labels).tolist()
    return [(label, predictions.labels == label, scores[:, label]) for label in present]


def _line(
    axes: Axes, predictions: Predictions, label: int, x: np.ndarray, y: np.ndarray, area: str
) -> None:
    if len(predictions.classes) <= _NAMED:
        name = f" {predictions.classes[label][:24]}  {area}"
        axes.plot(x, y, color=f"C{label}", lw=1.2, label=name)
    else:
        first = "each class" if not axes.lines else None
        axes.plot(x, y, color="C0", lw=0.6, alpha=0.25, label=first)


def _finish(
    axes: Axes, x: str, y: str, title: str, where: Literal["lower left", "lower right"]
) -> None:
    axes.set(xlim=(0, 1), ylim=(0, 1.01), xlabel=x, ylabel=y, title=title)
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter(PercentFormatter(1))
    axes.grid(alpha=0.3)
    axes.legend(loc=where, fontsize="small", title="area under the curve", title_fontsize="small")
