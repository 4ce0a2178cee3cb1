"""Costs of errors, against sums by hand."""

from __future__ import annotations

import numpy as np
import pytest

from kerascnn.evaluation.costs import cheapest, cost_matrix, describe_costs, mean_cost
from kerascnn.evaluation.predictions import Predictions, from_logits

CLASSES = ("cat", "dog", "owl")
COSTS = {"cat": {"dog": 20.0}, "owl": {"cat": 0.5, "dog": 0.0}}
MATRIX = np.array([[0, 20, 1], [1, 0, 1], [0.5, 0, 0]])


def _predictions(probabilities: list[list[float]], labels: list[int]) -> Predictions:
    return from_logits(
        np.log(probabilities),
        np.array(labels),
        CLASSES,
        examples=[str(row) for row in range(len(labels))],
        dimensions=np.full((len(labels), 2), 8),
        data="digits",
        fingerprint="",
        split="test",
    )


def test_an_error_costs_one_unless_given() -> None:
    np.testing.assert_array_equal(cost_matrix(COSTS, CLASSES), MATRIX)
    np.testing.assert_array_equal(cost_matrix({}, CLASSES), 1 - np.eye(3))


def test_the_answer_of_least_expected_cost() -> None:
    found = _predictions([[0.1, 0.8, 0.1], [0.02, 0.9, 0.08], [0.7, 0.2, 0.1]], [0, 1, 2])
    # Of the first: cat 0 + .8 + .05, dog 2, owl .1 + .8. Of the second: .94, .4, .92.
    assert cheapest(found, MATRIX).tolist() == [0, 1, 0]
    assert found.predicted.tolist() == [1, 1, 0]
    assert mean_cost(found, MATRIX) == pytest.approx((20 + 0 + 0.5) / 3)
    assert mean_cost(found, MATRIX, np.array([0, 2, 2])) == pytest.approx(1 / 3)
    assert describe_costs(found, COSTS) == (
        "mean cost 6.8333; 0.1667 if the answer were the one of least expected cost"
    )


def test_equal_costs_choose_the_most_probable_class() -> None:
    random = np.random.default_rng(0)
    found = _predictions(random.dirichlet(np.ones(3), 50).tolist(), [0] * 50)
    assert (cheapest(found, cost_matrix({}, CLASSES)) == found.predicted).all()
    assert mean_cost(found, cost_matrix({}, CLASSES)) == pytest.approx(1 - found.correct.mean())
