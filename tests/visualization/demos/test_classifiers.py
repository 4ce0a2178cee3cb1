"""The demo of classifiers: regions, points and accuracies."""

from __future__ import annotations

import numpy as np
import pytest

from kerascnn.errors import UserError
from kerascnn.lectures.classifiers import Learnt
from kerascnn.visualization.demos.classifiers import Classifiers, draw_regions


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
    (axes,) = picture.figure.axes
    assert axes.get_title() == f"two-layer: {accuracy[-1]:.1%}"


def test_a_row_for_each_problem_and_a_column_for_each_learner() -> None:
    found = Learnt(
        np.array([0, 7]), np.full((2, 4, 4), 0.5), np.array([0.5, 0.75]), np.array([0.5, 0.625])
    )
    data = {name: (np.zeros((6, 2)), np.array([0, 1] * 3)) for name in ("ring", "modes")}
    learnt = {(problem, learner): found for problem in data for learner in ("linear", "two-layer")}
    figure = draw_regions(data, learnt, 1)
    assert [axes.get_title() for axes in figure.axes] == ["linear: 62.5%", "two-layer: 62.5%"] * 2
    texts = [text.get_text() for text in figure.texts]
    assert texts == ["Decision regions after 7 passes over the points", "ring", "modes"]


def test_an_odd_number_of_points() -> None:
    with pytest.raises(UserError, match="points: got 21"):
        Classifiers(points=21)
