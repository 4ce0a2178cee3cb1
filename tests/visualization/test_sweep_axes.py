"""The axes of a sweep's pictures."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from matplotlib.axes import Axes

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
from kerascnn.visualization.sweep_trials import Column, Trials
from kerascnn.visualization.writing import new_figure


@pytest.fixture
def axes() -> Axes:
    return new_figure(5, 4).subplots()


def _column(*values: float, **more: Any) -> Column:
    return Column("model.x", np.array(values, float), **more)


def _trials(*scores: float, name: str = "validation_accuracy") -> Trials:
    numbers = np.arange(1, len(scores) + 1)
    full = np.ones(len(scores), bool)
    return Trials(numbers, np.array(scores), full, name, name.endswith("accuracy"))


@pytest.mark.parametrize(
    ("column", "expected"),
    [
        (_column(1, 2, 3), [0, 0.5, 1]),
        (_column(1e-4, 1e-3, 1e-2, log=True), [0, 0.5, 1]),
        (_column(3, np.nan, 1), [1, np.nan, 0]),
        (_column(5, 5), [0.5, 0.5]),
        (_column(np.nan, 5), [np.nan, 0.5]),
        (_column(np.nan, np.nan), [np.nan, np.nan]),
    ],
)
def test_places_of_values_from_0_to_1(column: Column, expected: list[float]) -> None:
    np.testing.assert_allclose(positions(column), expected)


@pytest.mark.parametrize(
    "trials",
    [
        _trials(0.5, 0.9, 0.99, 1.0),
        _trials(0.991, 0.992, 0.9921),
        _trials(2.3, 0.01, 0.5, name="validation_loss"),
        _trials(0.0, 0.5, 1.0, name="validation_loss"),
    ],
)
def test_a_score_is_at_the_height_where_it_is_drawn(trials: Trials) -> None:
    heights = score_positions(trials)
    assert (heights.min(), heights.max()) == (0, 1)
    found = [score_at(trials, height) for height in heights]
    np.testing.assert_allclose(found, trials.scores, atol=2.1e-4)


def test_accuracies_are_spread_by_their_errors() -> None:
    np.testing.assert_allclose(score_positions(_trials(0.9, 0.99, 0.999)), [0, 0.5, 1], atol=1e-6)
    losses = _trials(0.01, 0.1, 1.0, name="validation_loss")
    np.testing.assert_allclose(score_positions(losses), [0, 0.5, 1], atol=1e-6)


def _ticks(axes: Axes, axis: str) -> list[str]:
    axes.figure.canvas.draw()
    found = axes.xaxis if axis == "x" else axes.yaxis
    low, high = sorted(found.get_view_interval())
    return [
        found.get_major_formatter()(tick, None)
        for tick in found.get_majorticklocs()
        if low <= tick <= high
    ]


@pytest.mark.parametrize("scores", [(0.3, 0.9, 0.99), (0.991, 0.9921), (0.5, 0.5), (1.0, 0.1)])
def test_an_axis_of_accuracies_shows_them_all_and_has_round_figures(axes: Axes, scores) -> None:
    trials = _trials(*scores)
    axes.plot(trials.numbers, trials.scores)
    assert score_axis(axes, trials) == "validation_accuracy (log scale of the error)"
    low, high = axes.get_ylim()
    assert low < min(scores)
    assert max(scores) <= high + 3e-4
    ticks = _ticks(axes, "y")
    assert len(ticks) >= 1
    assert all(tick.endswith("%") for tick in ticks)


def test_an_axis_of_losses_is_logarithmic_where_it_can_be(axes: Axes) -> None:
    assert score_axis(axes, _trials(2.0, 0.02, name="validation_loss")) == "validation_loss"
    assert axes.get_yscale() == "log"
    other = axes.figure.add_subplot()
    score_axis(other, _trials(2.0, 0.0, name="validation_loss"))
    assert other.get_yscale() == "linear"


@pytest.mark.parametrize(
    ("values", "ticks"),
    [
        ((1e-5, 1e-1), ["1e-05", "0.0001", "0.001", "0.01", "0.1"]),
        ((0.01, 1), ["0.01", "0.03", "0.1", "0.3", "1"]),
        ((1, 10), ["1", "2", "5", "10"]),
    ],
)
def test_round_figures_of_a_logarithmic_axis(axes: Axes, values, ticks: list[str]) -> None:
    log_axis(axes, np.array(values), lambda value, _: f"{value:g}")
    axes.set_xlim(*values)
    assert _ticks(axes, "x") == ticks


@pytest.mark.parametrize(
    ("column", "expected"),
    [
        (_column(0, 1, 0, labels=("adam", "sgd")), {"adam": 0, "sgd": 1}),
        (_column(16, 32, np.nan), {"16": 0, "32": 1}),
        (_column(1e-3, 1e-2, log=True), {"0.001": 0, "0.01": 1}),
        (_column(0.1234, 0.5), {"0.123": 0, "0.5": 1}),
        (_column(*range(10, 20)), {"10": 0, "19": 1}),  # of many, the ends
        (_column(np.nan), {}),
    ],
)
def test_what_is_written_along_an_axis(column: Column, expected: dict[str, float]) -> None:
    assert {text: height for height, text in marks(column)} == expected


def test_whole_numbers_are_labelled_as_such(axes: Axes) -> None:
    number_axis(axes, np.array([1.0, 2.0, 4.0]))
    assert axes.get_xlim() == pytest.approx((0.7, 4.3))
    assert [tick for tick in axes.get_xticks() if tick % 1] == []


def test_labels_of_categories_are_turned_where_they_are_long(axes: Axes) -> None:
    category_axis(axes, _column(0, 1, labels=("relu", "elu")))
    assert [label.get_text() for label in axes.get_xticklabels()] == ["relu", "elu"]
    assert {label.get_rotation() for label in axes.get_xticklabels()} == {0}
    assert axes.get_xlim() == (-0.5, 1.5)
    category_axis(axes, _column(0, 1, labels=("a name that is too long", "another one")))
    texts = [label.get_text() for label in axes.get_xticklabels()]
    assert texts == ["a name that is …", "another one"]
    assert {label.get_rotation() for label in axes.get_xticklabels()} == {30}
