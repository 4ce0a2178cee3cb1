"""Scores against scikit-learn, scipy and hand-made cases."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import accuracy_score, log_loss, precision_score, recall_score

from kerascnn.evaluation.scores import score
from kerascnn.evaluation.tables import per_class, write_confusion, write_per_class

CLASSES = tuple("abcdefg")


@pytest.fixture
def example() -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(3)
    labels = random.integers(0, 7, 500)
    logits = random.normal(size=(500, 7)).astype(np.float32)
    logits[np.arange(500), labels] += 1.5
    return logits, labels


def test_scores_agree_with_scikit_learn(example) -> None:
    logits, labels = example
    scores = score(logits, labels, CLASSES)
    probabilities = np.exp(logits.astype(float)) / np.exp(logits.astype(float)).sum(
        1, keepdims=True
    )
    assert scores.count == 500 == scores.confusion.sum()
    assert scores.accuracy == accuracy_score(labels, logits.argmax(1))
    assert scores.loss == pytest.approx(log_loss(labels, probabilities))
    inside = [
        label in row for label, row in zip(labels, np.argsort(-logits, 1)[:, :5], strict=True)
    ]
    assert scores.top5 == pytest.approx(np.mean(inside))


def test_wilson_interval() -> None:
    # 8 of 10: 0.490 to 0.943 (Wilson 1927; Brown, Cai and DasGupta 2001)
    logits = np.zeros((10, 2), np.float32)
    logits[:, 0] = 1
    scores = score(logits, np.array([0] * 8 + [1] * 2), ("a", "b"))
    assert scores.interval == pytest.approx((0.4902, 0.9433), abs=1e-4)
    assert scores.top5 is None
    assert "test_top5_accuracy" not in scores.metrics("test")


def test_huge_logits_do_not_overflow() -> None:
    scores = score(np.array([[1e4, 0.0], [0.0, 1e4]], np.float32), np.array([0, 0]), ("a", "b"))
    assert scores.loss == pytest.approx(5000)


def test_per_class(example, tmp_path) -> None:
    logits, labels = example
    scores = score(logits, labels, CLASSES)
    rows = per_class(scores.confusion, CLASSES)
    predicted = logits.argmax(1)
    for index, row in enumerate(rows):
        assert row["precision"] == pytest.approx(
            precision_score(labels, predicted, average=None)[index], abs=1e-6
        )
        assert row["recall"] == pytest.approx(
            recall_score(labels, predicted, average=None)[index], abs=1e-6
        )
        assert row["count"] == (labels == index).sum()
        assert row["most mistaken for"] != row["class"]
    write_confusion(scores.confusion, CLASSES, tmp_path / "confusion.csv")
    write_per_class(scores.confusion, CLASSES, tmp_path / "classes.csv")
    lines = (tmp_path / "confusion.csv").read_text().splitlines()
    assert lines[0] == "true \\ predicted,a,b,c,d,e,f,g"
    assert lines[2] == ",".join(["b", *map(str, scores.confusion[1])])
    assert len((tmp_path / "classes.csv").read_text().splitlines()) == 8


def test_a_class_never_predicted_and_never_seen() -> None:
    rows = per_class(np.array([[3, 0, 0], [1, 0, 0], [0, 0, 0]]), ("a", "b", "c"))
    assert [row["precision"] for row in rows] == [0.75, 0.0, 0.0]
    assert rows[1]["most mistaken for"] == "a"
    assert rows[2]["most mistaken for"] == ""
