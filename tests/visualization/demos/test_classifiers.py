"""The demo of classifiers: regions, points and accuracies."""

from __future__ import annotations

import numpy as np
import pytest

from kerascnn.errors import UserError
from kerascnn.lectures.classifiers import Learnt
from kerascnn.visualization.demos.classifiers import Classifiers, draw_regions


def _texts(figure) -> list[str]:
    return [text.get_text() for text in figure.axes[0].texts]


def test_one_problem_and_one_learner() -> None:
    picture = Classifiers(
        problem="quadrants", learner="two-layer", passes=150, points=200
    ).picture()
    assert 8 <= len(picture.frames) <= 12
    accuracy = picture.arrays["quadrants_two-layer_test"]
    assert len(accuracy) == len(picture.frames)
    assert accuracy[-1] > 0.9
    assert picture.lines[1] == f"  {'quadrants':24}{accuracy[-1]:13.1%}"
    assert picture.lines[2].startswith("quadrants: the best of all lines gets 6")
    assert f"two-layer: {accuracy[-1]:.1%}" in _texts(picture.figure)


def test_a_row_for_each_problem_and_a_column_for_each_learner() -> None:
    found = Learnt(
        np.array([0, 7]), np.full((2, 4, 4), 0.5), np.array([0.5, 0.75]), np.array([0.5, 0.625])
    )
    data = {name: (np.zeros((6, 2)), np.array([0, 1] * 3)) for name in ("ring", "modes")}
    learnt = {(problem, learner): found for problem in data for learner in ("linear", "two-layer")}
    figure = draw_regions(data, learnt, 1)
    assert _texts(figure) == [
        "Decision regions after 7 passes over the points",
        "ring", "linear: 62.5%", "two-layer: 62.5%",
        "modes", "linear: 62.5%", "two-layer: 62.5%",
    ]  # fmt: skip
    assert len(figure.axes[0].images) == 4


def test_points_lie_where_their_regions_are() -> None:
    regions = np.zeros((1, 4, 4))
    regions[0, 0, 3] = 1  # top right
    found = Learnt(np.array([0]), regions, np.ones(1), np.ones(1))
    data = {"ring": (np.array([[2.25, 2.25]]), np.array([1]))}
    figure = draw_regions(data, {("ring", "linear"): found}, 0)
    (image,), (dots,) = figure.axes[0].images, figure.axes[0].collections
    left, right, bottom, top = image.get_extent()
    ((x, y),) = np.asarray(dots.get_offsets())
    assert (x - left) / (right - left) == pytest.approx(7 / 8)
    assert (y - top) / (bottom - top) == pytest.approx(1 / 8)


def test_an_odd_number_of_points() -> None:
    with pytest.raises(UserError, match="points: got 21"):
        Classifiers(points=21)
