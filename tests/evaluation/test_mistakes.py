"""Wrong examples, worst first, on a table made by hand."""

from __future__ import annotations

import numpy as np
import pytest

from kerascnn.evaluation.mistakes import (
    confusions,
    mistakes,
    rows_of,
    set_mistakes,
    set_rows_of,
)
from kerascnn.evaluation.predictions import Predictions
from tests.evaluation.tables import said, said_sets

CLASSES = ("cat", "dog", "owl")


@pytest.fixture
def table() -> Predictions:
    """Of four cats three are wrong, of two dogs one; the owl is right."""
    shares = [
        [0.90, 0.05, 0.05], [0.30, 0.60, 0.10], [0.40, 0.50, 0.10], [0.05, 0.35, 0.60],
        [0.80, 0.15, 0.05], [0.10, 0.80, 0.10], [0.10, 0.10, 0.80],
    ]  # fmt: skip
    return said(np.log(shares), np.array([0, 0, 0, 0, 1, 1, 2]), CLASSES)


def test_the_worst_come_first(table: Predictions) -> None:
    assert mistakes(table).tolist() == [3, 4, 1, 2]  # true class at 5, 15, 30 and 40%
    assert mistakes(table, order="confidence").tolist() == [4, 1, 3, 2]
    assert mistakes(table, order="margin").tolist() == [2, 1, 3, 4]  # missed by 10, 30, 55, 65%
    assert mistakes(table, true=0).tolist() == [3, 1, 2]
    assert mistakes(table, true=0, said=1).tolist() == [1, 2]
    assert mistakes(table, true=2).tolist() == []


def test_pairs_that_are_confused(table: Predictions) -> None:
    found = [(CLASSES[p.true], CLASSES[p.said], p.count, p.share) for p in confusions(table)]
    assert found == [("cat", "dog", 2, 0.5), ("cat", "owl", 1, 0.25), ("dog", "cat", 1, 0.5)]
    assert [pair.worst for pair in confusions(table)] == [1, 3, 4]


def test_what_is_known_of_an_example(table: Predictions) -> None:
    (row,) = rows_of(table, np.array([3]))
    assert row == {
        "example": "3", "true": "cat", "said": "owl",
        "confidence": pytest.approx(0.6), "true_probability": pytest.approx(0.05),
        "loss": pytest.approx(-np.log(0.05)), "margin": pytest.approx(-0.55),
    }  # fmt: skip


def test_a_model_without_mistakes() -> None:
    perfect = said(np.eye(3) * 9, np.arange(3), CLASSES)
    assert mistakes(perfect).tolist() == []
    assert confusions(perfect) == []


def test_wrong_label_sets_the_highest_loss_first() -> None:
    has = np.array([[1, 0], [1, 1], [0, 0], [0, 1]], bool)
    logits = np.array([[5.0, -5], [5, -1], [9, -5], [-5, 5]])
    table = said_sets(logits, has, ("cat", "dog"))
    assert set_mistakes(table).tolist() == [2, 1]
    assert set_mistakes(table, 1).tolist() == [1]
    first, second = set_rows_of(table, set_mistakes(table))
    assert (first["example"], first["true"], first["missed"], first["too_many"]) == (
        "2", "", "", "cat",
    )  # fmt: skip
    assert (second["true"], second["missed"], second["too_many"]) == ("cat|dog", "dog", "")
    assert first["loss"] > second["loss"] > 0
