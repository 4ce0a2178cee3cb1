"""The axes of a sweep's pictures: of its scores and of its hyperparameters."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import FixedLocator, LogLocator, MaxNLocator, NullLocator

from kerascnn.metrics import is_accuracy
from kerascnn.visualization.sweep_trials import Column, Trials, score_text

_ACCURACIES = (
    0.01,
    0.1,
    0.3,
    0.5,
    0.7,
    0.8,
    0.9,
    0.95,
    0.97,
    0.98,
    0.99,
    0.993,
    0.995,
    0.997,
    0.999,
)
_PERFECT = 2e-4  # the error that a perfect accuracy is drawn at


def _transform(name: str, scores: np.ndarray) -> np.ndarray:
    """Stretches scores to where they are told apart: accuracies by the log of their error."""
    scores = np.asarray(scores, dtype=float)
    if is_accuracy(name):
        scores = -np.log10(np.clip(1 - scores, _PERFECT, 1))
    elif (scores > 0).all():
        scores = np.log10(scores)
    return scores


def score_axis(axes: Axes, trials: Trials) -> str:
    """Stretches the axis of the objective, and returns its label."""
    low, high = trials.scores.min(), trials.scores.max()
    if is_accuracy(trials.name):
        axes.set_yscale(
            "function",
            functions=(lambda a: _transform(trials.name, a), lambda t: 1 - 10.0**-t),
        )
        bottom, top = _transform(trials.name, np.array([low, high]))
        margin = max(0.08 * (top - bottom), 0.02)
        axes.set_ylim(
            1 - 10 ** -(bottom - margin), 1 - 10 ** -min(top + margin, -math.log10(_PERFECT))
        )
        axes.yaxis.set_major_locator(FixedLocator(_accuracy_ticks(low, high)))
        axes.yaxis.set_minor_locator(NullLocator())
        axes.yaxis.set_major_formatter(lambda value, _: score_text(trials.name, value))
        return f"{trials.name} (log scale of the error)"
    if low > 0:
        log_axis(axes, trials.scores, lambda value, _: f"{value:g}", axis="y")
    return trials.name


def log_axis(
    axes: Axes, values: np.ndarray, form: Callable[[float, float], str], axis: str = "x"
) -> None:
    """Makes an axis logarithmic, with as many round figures as there is room for."""
    decades = math.log10(np.nanmax(values) / np.nanmin(values))
    axes.set(**{f"{axis}scale": "log"})
    ticks = axes.xaxis if axis == "x" else axes.yaxis
    if decades < 0.35:
        ticks.set_major_locator(MaxNLocator(4))
    else:
        subs = (1.0,) if decades > 2.5 else (1.0, 3.0) if decades > 1.2 else (1.0, 2.0, 5.0)
        ticks.set_major_locator(LogLocator(subs=subs))
    ticks.set_major_formatter(form)
    ticks.set_minor_locator(NullLocator())


def _accuracy_ticks(low: float, high: float) -> list[float]:
    """Returns round accuracies about the range, more of them where it is narrow."""
    inside = [tick for tick in _ACCURACIES if low <= tick <= high]
    if len(inside) >= 3:
        return inside
    step = 10 ** math.floor(math.log10(max(high - low, 1e-4)))
    ticks = np.arange(math.floor(low / step), math.ceil(high / step) + 1) * step
    return [float(tick) for tick in ticks if tick < 1]


def positions(column: Column) -> np.ndarray:
    """Returns where values lie on an axis from 0 to 1."""
    values = np.log(column.values) if column.log else column.values
    low, high = np.nanmin(values, initial=np.inf), np.nanmax(values, initial=-np.inf)
    if not high > low:
        return np.where(np.isnan(values), np.nan, 0.5)
    heights: np.ndarray = (values - low) / (high - low)
    return heights


def score_positions(trials: Trials) -> np.ndarray:
    """Returns where the scores lie on an axis from 0 to 1."""
    return positions(Column(trials.name, _transform(trials.name, trials.scores)))


def score_at(trials: Trials, height: float) -> float:
    """Returns the score at a height from 0 to 1 on the objective's own axis."""
    ends = _transform(trials.name, trials.scores)
    value = float(ends.min() + height * np.ptp(ends))
    if is_accuracy(trials.name):
        return float(np.clip(1 - 10**-value, trials.scores.min(), trials.scores.max()))
    return float(10**value) if (trials.scores > 0).all() else value


def marks(column: Column) -> list[tuple[float, str]]:
    """Returns what to write along a hyperparameter's axis: every label, or few numbers."""
    heights = positions(column)
    shown = ~np.isnan(heights)
    distinct = dict(zip(column.values[shown], heights[shown], strict=True))
    if len(distinct) > 6:
        ends = min(distinct), max(distinct)
        distinct = {value: distinct[value] for value in ends}
    return [
        (
            height,
            column.labels[int(value)]
            if column.labels
            else f"{value:.2g}"
            if column.log
            else f"{value:.3g}",
        )
        for value, height in distinct.items()
    ]


def number_axis(axes: Axes, values: np.ndarray) -> None:
    """Labels the axis of numbers, whole ones as such."""
    if (values == values.round()).all():
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.set_xlim(values.min() - 0.3, values.max() + 0.3)


def category_axis(axes: Axes, column: Column) -> None:
    """Labels the axis of a hyperparameter that has labels."""
    texts = [label if len(label) <= 16 else f"{label[:15]}…" for label in column.labels]
    long = sum(map(len, texts)) > 24
    options: dict[str, Any] = {"rotation": 30, "ha": "right"} if long else {}
    axes.set_xticks(range(len(texts)), texts, fontsize=9, **options)
    axes.set_xlim(-0.5, len(texts) - 0.5)
