"""The mean of several models' probabilities."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from kerascnn.errors import UserError
from kerascnn.evaluation.committee import committee
from kerascnn.evaluation.predictions import subset
from tests.evaluation.tables import said

LABELS = np.array([0, 1, 1])
FIRST = said(np.log([[0.9, 0.1], [0.6, 0.4], [0.3, 0.7]]), LABELS, ("a", "b"))
SECOND = said(np.log([[0.4, 0.6], [0.2, 0.8], [0.5, 0.5]]), LABELS, ("a", "b"))


def test_probabilities_are_averaged() -> None:
    found = committee([FIRST, SECOND])
    np.testing.assert_allclose(found.by_class, [[0.65, 0.35], [0.4, 0.6], [0.4, 0.6]], rtol=1e-6)
    assert found.correct.tolist() == [True, True, True]
    assert (FIRST.correct.sum(), SECOND.correct.sum()) == (2, 1)
    assert found.losses == pytest.approx(-np.log([0.65, 0.6, 0.6]))


def test_examples_are_found_by_their_names() -> None:
    other_order = subset(SECOND, [2, 0, 1])
    np.testing.assert_array_equal(
        committee([FIRST, other_order]).by_class, committee([FIRST, SECOND]).by_class
    )


def test_other_examples_or_classes_are_refused() -> None:
    with pytest.raises(UserError, match="of 3 and 2 they share 2"):
        committee([FIRST, subset(SECOND, [0, 1])])
    with pytest.raises(UserError, match="of 3 and 3 they share 0"):
        committee([FIRST, dataclasses.replace(SECOND, data="mnist")])
    with pytest.raises(UserError, match="other classes"):
        committee([FIRST, dataclasses.replace(SECOND, classes=("a", "c"))])
