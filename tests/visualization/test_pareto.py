"""Accuracy against cost: the front is what nothing beats."""

from __future__ import annotations

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from kerascnn.visualization.pareto import FRONT, draw_pareto, pareto_front

SCORES = np.array([0.95, 0.97, 0.96, 0.99])
COSTS = {
    "seconds": np.array([1.0, 2.0, 3.0, np.nan]),
    "parameters": np.array([5e4, 1e6, 1e3, 6e4]),
}


def test_the_pareto_front_holds_what_nothing_beats() -> None:
    costs = np.array([1.0, 2.0, 2.0, 3.0, 4.0, 0.5])
    scores = np.array([0.5, 0.9, 0.7, 0.9, 0.95, 0.4])
    assert pareto_front(costs, scores, maximize=True) == [5, 0, 1, 4]
    assert pareto_front(costs, scores, maximize=False) == [5]


def _front(axes: Axes) -> list[list[float]]:
    line = next(line for line in axes.get_lines() if line.get_color() == FRONT)
    return np.array(line.get_data()).T.tolist()


def _legend(figure: Figure) -> list[str]:
    (legend,) = figure.legends
    return [text.get_text() for text in legend.get_texts()]


def test_each_panel_has_its_own_front_and_leaves_out_what_has_no_cost() -> None:
    figure = draw_pareto(["a", "b", "_c", "d"], SCORES, COSTS)
    seconds, parameters = figure.axes
    assert _front(seconds) == [[1.0, 0.95], [2.0, 0.97]]
    assert _front(parameters) == [[1e3, 0.96], [6e4, 0.99]]
    assert (seconds.get_xlabel(), parameters.get_xlabel()) == ("seconds", "parameters")
    assert seconds.get_ylabel() == "test accuracy (log scale of the error)"
    assert _legend(figure)[:4] == ["a", "b", " _c", "d"]
    figure.canvas.draw()
    assert all(label.get_text().endswith("%") for label in seconds.get_yticklabels())


def test_seeds_are_drawn_as_a_deviation() -> None:
    deviations = np.array([0.01, np.nan, 0.02, np.nan])
    figure = draw_pareto(["a", "b", "c", "d"], SCORES, COSTS, deviations=deviations)
    assert _legend(figure)[-1] == "one standard deviation, over seeds"
    low, high = figure.axes[0].get_ylim()
    assert low < 0.94
    assert high > 0.98


def test_of_many_points_those_on_the_front_are_named() -> None:
    scores, costs = np.linspace(0.9, 0.99, 12), np.linspace(12, 1, 12)
    figure = draw_pareto([f"run {n}" for n in range(12)], scores, {"MACs": costs})
    assert [text.get_text() for text in figure.axes[0].texts] == ["run 11"]
    assert len(_legend(figure)) == 1


def test_costs_are_round() -> None:
    costs = np.array([3e3, 1e4, 3e5, 2.5e6])
    figure = draw_pareto(["a", "b", "c", "d"], SCORES, {"parameters": costs})
    figure.canvas.draw()
    (axes,) = figure.axes
    labels = [label.get_text() for label in axes.get_xticklabels()]
    assert {"10K", "100K", "1M"} <= set(labels)


@pytest.mark.parametrize("scores", [[0.5], [1.0, 1.0], [0.0, 1.0], [0.991, 0.9911]])
def test_any_scores_can_be_drawn(scores: list[float]) -> None:
    costs = {"seconds": np.full(len(scores), 3.0), "MACs": np.arange(len(scores)) * 1e6}
    draw_pareto(["a", "b"][: len(scores)], np.array(scores), costs).canvas.draw()
