"""A sweep as pictures: how it went, what its hyperparameters do, what accuracy costs."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from kerascnn.arithmetic.table import short
from kerascnn.visualization.pareto import FRONT, pareto_front
from kerascnn.visualization.sweep_axes import (
    category_axis,
    log_axis,
    marks,
    number_axis,
    positions,
    score_at,
    score_axis,
    score_positions,
)
from kerascnn.visualization.sweep_trials import Column, Trials, score_text
from kerascnn.visualization.writing import in_style, new_figure

_FAINT = "#90a4ae"
_MAP = "viridis"
_STYLES = {True: {"mfc": "C0", "mec": "C0"}, False: {"mfc": "none", "mec": _FAINT}}


@in_style
def draw_history(trials: Trials) -> Figure:
    """Draws the objective over the trials, and the best so far.

    Args:
        trials: At least one.
    """
    figure = new_figure(9, 4.5)
    axes = figure.subplots()
    order = trials.numbers.argsort()
    numbers, scores, full = trials.numbers[order], trials.scores[order], trials.full[order]
    ends_at = max([*numbers, *trials.failed])
    if full.any():
        so_far = np.maximum.accumulate if trials.maximize else np.minimum.accumulate
        best = so_far(scores[full])
        steps = [*numbers[full], ends_at + 0.6]
        axes.step(steps, [*best, best[-1]], where="post", color=FRONT, lw=1.5, label="best so far")
        axes.plot(numbers[full], scores[full], "o", color="C0", ms=6, label="trial")
    if not full.all():
        label = "trial, trained in part"
        axes.plot(numbers[~full], scores[~full], "o", mfc="none", mec=_FAINT, label=label)
    if trials.failed:
        bottom = axes.get_xaxis_transform()
        axes.plot(
            trials.failed, [0.03] * len(trials.failed), "x", color="black", label="failed",
            transform=bottom,
        )  # fmt: skip
    axes.set_ylabel(score_axis(axes, trials))
    axes.set_xlabel("trial")
    axes.set_title(f"best: trial {trials.numbers[trials.best]}, {trials.text(trials.best)}")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.grid(alpha=0.3)
    axes.set_xlim(0.4, ends_at + 0.6)
    figure.legend(fontsize="small", loc="outside lower center", ncols=4, frameon=False)
    return figure


@in_style
def draw_parallel(trials: Trials, columns: Sequence[Column]) -> Figure:
    """Draws each trial as a line through its hyperparameters to its objective.

    A line breaks where a trial does not have the hyperparameter; the best one is thick.

    Args:
        trials: At least one.
        columns: Their values of each hyperparameter.
    """
    count = len(columns) + 1
    figure = new_figure(max(7, 1.25 * count), 6)
    axes = figure.subplots()
    heights = np.column_stack([*(positions(column) for column in columns), score_positions(trials)])
    shade = Normalize(0, 1)
    colours = ScalarMappable(shade, _MAP).get_cmap()
    goodness = heights[:, -1] if trials.maximize else 1 - heights[:, -1]
    for index in goodness.argsort():  # the best over the others
        best = index == trials.best
        axes.plot(
            range(count), heights[index], "-o", ms=3, lw=3.5 if best else 1.2,
            color=colours(goodness[index]), alpha=1 if best or trials.full[index] else 0.35,
            zorder=3 if best else 2,
        )  # fmt: skip
    for position, column in enumerate(columns):
        axes.axvline(position, color=_FAINT, lw=0.8, zorder=1)
        for height, text in marks(column):
            _mark(axes, position, height, text)
    axes.axvline(count - 1, color="black", lw=1.2, zorder=1)
    for height in (0.0, 0.25, 0.5, 0.75, 1.0):
        _mark(axes, count - 1, height, score_text(trials.name, score_at(trials, height)))
    names = [*(column.name for column in columns), trials.name]
    axes.set_xticks(range(count), [_short(name) for name in names], rotation=30, ha="right")
    axes.set(xlim=(-0.4, count - 0.4), ylim=(-0.06, 1.06), yticks=[])
    axes.set_title(f"best (thick): trial {trials.numbers[trials.best]}, {trials.text(trials.best)}")
    for side in axes.spines.values():
        side.set_visible(False)
    return figure


@in_style
def draw_slices(
    trials: Trials, columns: Sequence[Column], importance: Mapping[str, float]
) -> Figure:
    """Draws the objective against each hyperparameter, the most important first.

    Args:
        trials: At least one.
        columns: Their values of each hyperparameter.
        importance: Share of each hyperparameter; may be empty.
    """
    ordered = sorted(columns, key=lambda column: -importance.get(column.name, 0))
    wide = min(4, len(ordered))
    high = math.ceil(len(ordered) / wide)
    figure = new_figure(3.3 * wide + 0.6, 2.7 * high + 0.5)
    grid = figure.subplots(high, wide, sharey=True, squeeze=False)
    for axes in grid.flat[len(ordered) :]:
        axes.set_visible(False)
    random = np.random.default_rng(0)
    for axes, column in zip(grid.flat, ordered, strict=False):
        spread = random.uniform(-0.15, 0.15, len(column.values)) if column.labels else 0
        x = column.values + spread
        for full, style in _STYLES.items():
            shown = (trials.full == full) & ~np.isnan(column.values)
            axes.plot(x[shown], trials.scores[shown], "o", ms=4.5, alpha=0.75, **style)
        if not np.isnan(column.values[trials.best]):
            axes.plot(
                x[trials.best], trials.scores[trials.best], "*", color=FRONT, ms=12, mec="white"
            )
        if column.labels:
            _medians(axes, column, trials)
            category_axis(axes, column)
        elif column.log:
            log_axis(axes, column.values, lambda value, _: f"{value:g}")
        else:
            number_axis(axes, column.values[~np.isnan(column.values)])
        share = f"  {importance[column.name]:.0%}" if column.name in importance else ""
        axes.set_title(f"{_short(column.name)}{share}", fontsize=10)
        axes.grid(alpha=0.3)
    for axes in grid[:, 0]:
        score_axis(axes, trials)
    figure.supylabel(trials.name, fontsize=11)
    title = f"star: the best, trial {trials.numbers[trials.best]}"
    title += "" if trials.full.all() else "; hollow: trained in part"
    title += "; %: share of the importance" if importance else ""
    figure.suptitle(title, fontsize=11)
    return figure


@in_style
def draw_costs(trials: Trials, parameters: np.ndarray, macs: np.ndarray) -> Figure:
    """Draws the score against parameters and MACs, with the trials that none beats in both.

    Args:
        trials: At least one.
        parameters: The parameters of each trial's network (N,).
        macs: Multiply-adds for one image (N,).
    """
    figure = new_figure(11, 4.6)
    pair = figure.subplots(1, 2, sharey=True)
    for axes, costs, label in zip(pair, (parameters, macs), ("parameters", "MACs"), strict=True):
        for full, style in _STYLES.items():
            shown = trials.full == full
            axes.plot(costs[shown], trials.scores[shown], "o", ms=5, alpha=0.75, **style)
        judged = np.flatnonzero(trials.full if trials.full.any() else ~trials.full)
        front = judged[pareto_front(costs[judged], trials.scores[judged], maximize=trials.maximize)]
        axes.step(
            costs[front], trials.scores[front], "-o", where="post", color=FRONT, ms=6, lw=1.2,
            label="Pareto front, with the trials' numbers: none is cheaper and as good",
        )  # fmt: skip
        for index in front:
            axes.annotate(
                str(trials.numbers[index]), (costs[index], trials.scores[index]),
                textcoords="offset points", xytext=(0, 7), ha="center", fontsize=8, color=FRONT,
            )  # fmt: skip
        log_axis(axes, costs, lambda value, _: short(round(value)))
        axes.set_xlabel(label)
        axes.grid(alpha=0.3)
        if not trials.full.all():
            axes.plot([], [], "o", mfc="none", mec=_FAINT, label="trained in part")
    pair[0].set_ylabel(score_axis(pair[0], trials))
    handles = pair[0].get_legend_handles_labels()
    figure.legend(*handles, fontsize="small", loc="outside lower center", ncols=2, frameon=False)
    return figure


def _mark(axes: Axes, position: float, height: float, text: str) -> None:
    axes.text(
        position + 0.06, height, text if len(text) <= 14 else f"{text[:13]}…", fontsize=8,
        va="center", zorder=4, bbox={"fc": "white", "ec": "none", "alpha": 0.75, "pad": 0.8},
    )  # fmt: skip


def _medians(axes: Axes, column: Column, trials: Trials) -> None:
    for index in range(len(column.labels)):
        scores = trials.scores[(column.values == index) & trials.full]
        if len(scores) > 1:
            axes.plot([index - 0.3, index + 0.3], [np.median(scores)] * 2, color="black", lw=1.5)


def _short(name: str) -> str:
    """Returns a field's name with no more of its section than it needs."""
    section, _, field = name.rpartition(".")
    return section if field in ("name", "preset") else field
