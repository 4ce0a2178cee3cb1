"""What learns what no line divides, and what cannot."""

from __future__ import annotations

from typing import get_args

import numpy as np
import pytest

from kerascnn.lectures.classifiers import (
    RULES,
    SIDE,
    Perceptron,
    ProblemName,
    best_line,
    grid,
    learn,
    perceptron_pass,
    points,
)


@pytest.mark.parametrize("problem", get_args(ProblemName))
def test_points_are_half_of_each_class(problem: ProblemName) -> None:
    x, labels = points(problem, 200, seed=3)
    assert (x.shape, x.dtype, labels.sum()) == ((200, 2), np.float32, 100)
    assert np.abs(x).max() <= SIDE
    assert (RULES[problem](x) == labels).all()
    assert set(labels[:50]) == {0, 1}, "in random order"
    assert (points(problem, 200, seed=3)[0] == x).all()


def test_rules() -> None:
    places = np.array([[1.0, 1], [-1, 1], [0, 0.5], [0, 1.5], [0, 2.5], [-1.7, -1.3]])
    assert RULES["quadrants"](places)[:2].tolist() == [True, False]
    assert RULES["ring"](places)[2:5].tolist() == [False, True, False]
    assert RULES["modes"](places)[[0, 5]].tolist() == [False, True]


def test_the_perceptrons_rule_by_hand() -> None:
    before = Perceptron(np.array([1.0, 0.0]), -0.5)
    x, labels = np.array([[1.0, 2.0], [0.0, 1.0], [2.0, 0.0]]), np.array([0, 1, 1])
    # First: says 1, is 0: w - 0.1 x = (0.9, -0.2), b = -0.6. Second: -0.8, says 0, is 1:
    # w = (0.9, -0.1), b = -0.5. Third: 1.3, says 1, is 1: nothing.
    after = perceptron_pass(before, x, labels, rate=0.1)
    assert after.weights == pytest.approx([0.9, -0.1])
    assert after.bias == pytest.approx(-0.5)


def test_a_perceptron_comes_to_rest_where_a_line_divides() -> None:
    x = np.random.default_rng(0).uniform(-1, 1, (300, 2))
    x = x[np.abs(x @ [2, -1] - 0.3) > 0.1]
    labels = (x @ [2, -1] > 0.3).astype(int)
    line = Perceptron(np.zeros(2), 0.0)
    for _ in range(100):
        line = perceptron_pass(line, x, labels)
    assert ((line(x) > 0) == labels).all()
    again = perceptron_pass(line, x, labels)
    assert (again.weights == line.weights).all()
    assert best_line(x, labels) == pytest.approx(1, abs=0.01)


def test_the_best_line_by_brute_force() -> None:
    x, labels = points("quadrants", 30)
    most = 0.0
    for angle in np.arange(360) * np.pi / 180:
        along = x @ [np.cos(angle), np.sin(angle)]
        for place in [-9.0, *along]:
            most = max(most, float(((along > place) == labels).mean()))
    assert best_line(x, labels) == pytest.approx(most, abs=1e-9)


def test_the_best_line_of_the_quadrants_gets_two_thirds() -> None:
    """x + y > 2/3 of the way to the corner: 1 - 1/3 of the area is right."""
    assert best_line(*points("quadrants", 20_000)) == pytest.approx(2 / 3, abs=0.01)


def test_the_grid_is_the_plane_from_the_top_left() -> None:
    places = grid(4)
    assert places.shape == (16, 2)
    assert places[0].tolist() == [-2.25, 2.25]
    assert places[-1].tolist() == [2.25, -2.25]


@pytest.mark.parametrize("problem", get_args(ProblemName))
def test_no_line_solves_it_and_a_hidden_layer_does(problem: ProblemName) -> None:
    options = {"count": 300, "passes": 300, "states": 4, "cells": 10}
    bound = best_line(*points(problem, 300))
    assert bound < 0.75
    for learner in ("perceptron", "linear"):
        found = learn(problem, learner, **options)
        assert found.train.max() <= bound + 0.02  # the line's angles are whole degrees
        assert found.test[-1] < 0.7
    solved = learn(problem, "two-layer", **options)
    assert solved.test[-1] > 0.9
    assert solved.test[-1] > solved.test[0] + 0.25
    assert solved.steps.tolist() == [0, 33, 133, 300]
    assert solved.regions.shape == (4, 10, 10)
    assert ((solved.regions[-1] > 0.5).ravel() == RULES[problem](grid(10))).mean() > 0.85


def test_three_layers_solve_the_ring_and_the_same_seed_gives_the_same() -> None:
    options = {"count": 300, "passes": 300, "states": 3, "cells": 8}
    found = learn("ring", "three-layer", **options)
    assert found.test[-1] > 0.92
    again = learn("ring", "three-layer", **options)
    assert again.regions == pytest.approx(found.regions, abs=1e-3)
