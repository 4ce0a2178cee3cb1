"""Thresholds on the confidence, on tables made by hand."""

from __future__ import annotations

import numpy as np
import pytest

from kerascnn.errors import UserError
from kerascnn.evaluation.coverage import coverage, threshold_for
from kerascnn.evaluation.predictions import Predictions
from tests.evaluation.tables import said


@pytest.fixture
def table() -> Predictions:
    """Sure by 0.9 and right; by 0.8 right, and wrong; by 0.6 right."""
    shares = [[0.8, 0.2], [0.9, 0.1], [0.6, 0.4], [0.8, 0.2]]
    return said(np.log(shares), np.array([1, 0, 0, 0]), ("a", "b"))


def test_each_threshold_answers_all_that_are_as_sure(table: Predictions) -> None:
    found = coverage(table)
    assert found.threshold == pytest.approx([0.9, 0.8, 0.6])
    assert found.answered == pytest.approx([1 / 4, 3 / 4, 1])
    assert found.accuracy == pytest.approx([1, 2 / 3, 3 / 4])


def test_the_lowest_threshold_that_is_precise_enough(table: Predictions) -> None:
    assert threshold_for(table, 0.7).answered == 1
    found = threshold_for(table, 0.9)
    assert (found.confidence, found.precision, found.answered) == pytest.approx((0.9, 1, 0.25))


def test_a_precision_out_of_reach_is_told() -> None:
    wrong = said(np.log([[0.8, 0.2], [0.7, 0.3]]), np.array([1, 0]), ("a", "b"))
    with pytest.raises(UserError, match=r"precision of 90.00% on the test .* highest is 50.00%"):
        threshold_for(wrong, 0.9)
