"""What accuracy costs, and which of several networks none beats."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from kerascnn.arithmetic.table import short
from kerascnn.visualization.sweep_axes import log_axis, score_axis
from kerascnn.visualization.sweep_trials import Trials
from kerascnn.visualization.writing import in_style, new_figure

FRONT = "#c62828"
_NAMED = 10  # points, one of each colour
_LONGEST, _LONGEST_BESIDE = 28, 14  # characters of a name in the legend, and beside a point
_NARROWEST = 0.3  # decades of cost


def pareto_front(costs: np.ndarray, scores: np.ndarray, *, maximize: bool) -> list[int]:
    """Returns the indices of the points that no other beats in cost and score, cheapest first.

    Args:
        costs: Less is better (N,).
        scores: (N,).
        maximize: Whether more is better among the scores.
    """
    signed = scores if maximize else -scores
    front: list[int] = []
    for index in np.lexsort((-signed, costs)):
        if not front or signed[index] > signed[front[-1]]:
            front.append(int(index))
    return front


@in_style
def draw_pareto(
    names: Sequence[str],
    scores: np.ndarray,
    costs: Mapping[str, np.ndarray],
    *,
    name: str = "test_accuracy",
    deviations: np.ndarray | None = None,
) -> Figure:
    """Draws an accuracy against each of several costs, with the points that none beats in both.

    Args:
        names: Of the points, (N,); of more than ten, only those of the front are named.
        scores: Accuracies from 0 to 1 (N,).
        costs: By what they are called, such as "parameters" (N,); NaN where one is not known.
        name: Of the accuracy.
        deviations: Standard deviations of the scores (N,), drawn where they are not NaN.
    """
    spread = np.zeros(len(scores)) if deviations is None else np.nan_to_num(deviations)
    ends = np.concatenate([scores, scores - spread, scores + spread]).clip(0, 1)
    drawn = Trials(np.arange(len(ends)), ends, np.ones(len(ends), bool), name, maximize=True)
    figure = new_figure(max(4.2 * len(costs), 7), 4.8)
    grid = figure.subplots(1, len(costs), sharey=True, squeeze=False)[0]
    for axes, (cost, values) in zip(grid, costs.items(), strict=True):
        known = np.flatnonzero(np.isfinite(values) & (values > 0))
        for index in known:
            colour = f"C{index}" if len(names) <= _NAMED else "C0"
            axes.errorbar(
                values[index], scores[index], spread[index] or None, fmt="o", ms=7, capsize=3,
                color=colour, zorder=3,
            )  # fmt: skip
        _front(axes, known, values, scores, names if len(names) > _NAMED else ())
        axes.set_xlabel(cost)
        axes.grid(alpha=0.3)
        if len(known):
            _cost_axis(axes, values[known], room=len(names) > _NAMED)
    label = score_axis(grid[0], drawn)
    grid[0].set_ylabel(label.replace("_", " "))
    _name(figure, names, spread)
    return figure


def _front(
    axes: Axes, known: np.ndarray, costs: np.ndarray, scores: np.ndarray, names: Sequence[str]
) -> None:
    """Draws the front, with the names of its points where there are any."""
    front = known[pareto_front(costs[known], scores[known], maximize=True)]
    axes.step(costs[front], scores[front], where="post", color=FRONT, lw=1.2, zorder=2)
    axes.plot(costs[front], scores[front], "o", ms=12, mfc="none", mec=FRONT, zorder=2)
    for index in front if names else ():  # nothing is cheaper and better: there is room
        axes.annotate(
            _shortened(names[index], _LONGEST_BESIDE), (costs[index], scores[index]),
            textcoords="offset points", xytext=(-7, 5), ha="right", fontsize=8, color=FRONT,
        )  # fmt: skip


def _name(figure: Figure, names: Sequence[str], spread: np.ndarray) -> None:
    """Says below the axes what is what."""
    axes = figure.axes[0]
    if len(names) <= _NAMED:
        for index, name in enumerate(names):
            text = _shortened(name, _LONGEST)
            # A label that begins with _ would be left out of the legend.
            axes.plot([], [], "o", color=f"C{index}", label=f" {text}"[not text.startswith("_") :])
    axes.plot(
        [], [], "-o", ms=10, mfc="none", color=FRONT,
        label="Pareto front: none is cheaper and as good",
    )  # fmt: skip
    if spread.any():
        axes.plot([], [], "|", ms=12, color="grey", label="one standard deviation, over seeds")
    handles = axes.get_legend_handles_labels()
    figure.legend(*handles, fontsize="small", loc="outside lower center", ncols=3, frameon=False)


def _shortened(name: str, most: int) -> str:
    return name if len(name) <= most else f"{name[: most - 1]}…"


def _cost_axis(axes: Axes, costs: np.ndarray, *, room: bool) -> None:
    """Makes the axis of a cost logarithmic, and no narrower than it takes to see that it is one.

    Args:
        axes: Whose x axis it is.
        costs: Positive (N,).
        room: Whether names stand at the left of points.
    """
    low, high = np.log10(costs.min()), np.log10(costs.max())
    middle, half = (low + high) / 2, max(high - low, _NARROWEST) / 2
    log_axis(axes, costs, lambda value, _: _short(value))
    left = middle - half * (1.6 if room else 1.12)
    axes.set_xlim(10**left, 10 ** (middle + half * 1.12))


def _short(value: float) -> str:
    """Returns a cost as it is written beside an axis: 12M, 3.4K, 0.5."""
    text = short(round(value)) if value >= 1000 else f"{value:.3g}"
    return re.sub(r"\.?0+(?=[A-Z]$)", "", text) if "." in text else text
