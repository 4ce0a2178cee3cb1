"""Confusion matrix and figures of each class, against scikit-learn."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
from sklearn.metrics import confusion_matrix, f1_score, precision_score, recall_score

from kerascnn.evaluation.tables import (
    confused_pairs,
    most_confused,
    per_class,
    write_confusion,
    write_per_class,
)

CLASSES = tuple("abcdefg")


@pytest.fixture
def example() -> tuple[np.ndarray, np.ndarray]:
    """True classes, and those that were predicted: every other one is wrong."""
    random = np.random.default_rng(3)
    labels = random.integers(0, 7, 500)
    wrong = random.random(500) < 0.5
    return labels, np.where(wrong, random.integers(0, 7, 500), labels)


def test_figures_of_each_class_are_those_of_scikit_learn(example) -> None:
    labels, predicted = example
    confusion = confusion_matrix(labels, predicted)
    rows = per_class(confusion, CLASSES)
    for index, row in enumerate(rows):
        assert row["precision"] == pytest.approx(
            precision_score(labels, predicted, average=None)[index], abs=1e-6
        )
        assert row["recall"] == pytest.approx(
            recall_score(labels, predicted, average=None)[index], abs=1e-6
        )
        assert row["f1"] == pytest.approx(
            f1_score(labels, predicted, average=None)[index], abs=1e-6
        )
        assert row["count"] == (labels == index).sum()
        assert row["most mistaken for"] != row["class"]


def test_a_class_never_predicted_and_never_seen() -> None:
    rows = per_class(np.array([[3, 0, 0], [1, 0, 0], [0, 0, 0]]), ("a", "b", "c"))
    assert [row["precision"] for row in rows] == [0.75, 0.0, 0.0]
    assert rows[1]["most mistaken for"] == "a"
    assert rows[2]["most mistaken for"] == ""


def test_what_a_class_is_most_mistaken_for() -> None:
    confusion = np.array([[90, 3, 7], [5, 0, 5], [0, 0, 10]])
    rows = per_class(confusion, ("cat", "dog", "owl"))
    assert [row["most mistaken for"] for row in rows] == ["owl", "cat", ""]
    assert list(rows[0]) == ["class", "count", "precision", "recall", "f1", "most mistaken for"]


def test_of_many_classes_only_the_pairs_that_there_are_are_written(tmp_path: Path) -> None:
    confusion = np.diag(np.arange(1001))
    confusion[3, 5] = 2
    classes = [f"class {number}" for number in range(1001)]
    write_confusion(confusion, classes, tmp_path / "confusion.csv")
    with (tmp_path / "confusion.csv").open(encoding="utf-8", newline="") as file:
        head, *rows = csv.reader(file)
    assert head == ["true", "predicted", "count"]
    assert len(rows) == 1001
    assert ["class 3", "class 5", "2"] in rows
    assert ["class 1000", "class 1000", "1000"] in rows


def test_which_are_confused_most() -> None:
    confusion = np.array([[90, 3, 7], [5, 0, 0], [0, 0, 10]])
    assert most_confused(confusion, 2).tolist() == [0, 1]  # of 15, 8 and 7 mistakes
    assert most_confused(confusion, 9).tolist() == [0, 1, 2]
    assert confused_pairs(confusion).tolist() == [[0, 1], [0, 2], [1, 0]]


def test_files_read_back(example, tmp_path: Path) -> None:
    confusion = confusion_matrix(*example)
    classes = ("a, b", "übung", *CLASSES[2:])  # with a comma, and beyond ASCII
    write_confusion(confusion, classes, tmp_path / "confusion.csv")
    with (tmp_path / "confusion.csv").open(encoding="utf-8", newline="") as file:
        head, *rows = csv.reader(file)
    assert head == ["true \\ predicted", *classes]
    assert [row[0] for row in rows] == list(classes)
    np.testing.assert_array_equal([[int(cell) for cell in row[1:]] for row in rows], confusion)
    write_per_class(confusion, classes, tmp_path / "classes.csv")
    with (tmp_path / "classes.csv").open(encoding="utf-8", newline="") as file:
        found = list(csv.DictReader(file))
    expected = per_class(confusion, classes)
    assert found == [{key: str(value) for key, value in row.items()} for row in expected]
