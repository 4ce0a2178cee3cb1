"""Planted label errors are found."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from sklearn.datasets import load_digits
from sklearn.ensemble import ExtraTreesClassifier
from sklearn.model_selection import cross_val_predict

from kerascnn.data.fix_list import Fix, read_fixes
from kerascnn.errors import UserError
from kerascnn.evaluation.label_errors import LabelError, label_errors, write_fix_list
from kerascnn.evaluation.predictions import Predictions, from_logits, subset
from kerascnn.text import tell


def table(
    probabilities: np.ndarray, labels: np.ndarray, split: str = "test", first: int = 0
) -> Predictions:
    with np.errstate(divide="ignore"):
        logits = np.maximum(np.log(probabilities), -50)
    return from_logits(
        logits,
        labels,
        [f"class {i}" for i in range(probabilities.shape[1])],
        examples=[str(first + i) for i in range(len(labels))],
        dimensions=np.full((len(labels), 2), 8),
        data="digits",
        fingerprint="",
        split=split,
    )


def test_flipped_labels_are_found() -> None:
    images, true = load_digits(return_X_y=True)
    random = np.random.default_rng(0)
    flipped = random.choice(len(true), round(0.05 * len(true)), replace=False)
    labels = true.copy()
    labels[flipped] = (true[flipped] + random.integers(1, 10, len(flipped))) % 10
    model = ExtraTreesClassifier(100, random_state=0)
    said = cross_val_predict(model, images, labels, cv=3, method="predict_proba")
    half = len(true) // 2
    found = label_errors(
        [
            table(said[:half], labels[:half], "validation"),
            table(said[half:], labels[half:], "test", half),
        ]
    )
    rows = np.array([int(error.example) for error in found])
    hits = np.isin(rows, flipped)
    recall, precision = hits.sum() / len(flipped), hits.mean()
    worst = hits[: len(hits) // 2].mean()
    tell(f"recall {recall:.1%}, precision {precision:.1%}, of the worse half {worst:.1%}")
    assert recall > 0.75
    assert precision > 0.85
    assert worst > 0.95
    scores = [error.score for error in found]
    assert scores == sorted(scores)
    for row, error in zip(rows, found, strict=True):
        assert error.label == f"class {labels[row]}"
        assert error.split == ("validation" if row < half else "test")
        assert error.suggested == f"class {said[row].argmax()}" != error.label
        assert error.probability == pytest.approx(said[row].max(), abs=1e-6)
        assert error.score == pytest.approx(said[row, labels[row]], abs=1e-6)


def test_a_class_without_examples_and_more_classes_than_are_kept() -> None:
    random = np.random.default_rng(0)
    labels = random.integers(0, 149, 3000)  # none of the last class
    said = np.full((3000, 150), 0.001)
    said[np.arange(3000), labels] = 0.851
    wrong = [7, 100, 2000]
    for row in wrong:
        said[row] = 0.001
        said[row, (labels[row] + 1) % 149] = 0.851
    found = label_errors([table(said, labels)])
    assert sorted(int(error.example) for error in found) == wrong


def test_nothing_is_found_where_all_is_well() -> None:
    labels = np.arange(200) % 2
    said = np.where(np.eye(2)[labels] == 1, 0.9, 0.1)
    assert label_errors([table(said, labels)]) == []
    assert label_errors([subset(table(said, labels), labels == 0)]) == []  # one class


def test_refusals() -> None:
    labels = np.arange(20) % 2
    said = np.where(np.eye(2)[labels] == 1, 0.9, 0.1)
    with pytest.raises(UserError, match="there are no predictions"):
        label_errors([])
    with pytest.raises(UserError, match="got the train split, must be images that the model was"):
        label_errors([table(said, labels, "train")])
    with pytest.raises(UserError, match="of different classes"):
        label_errors([table(said, labels), table(np.eye(3)[labels], labels)])


def test_the_fix_list(tmp_path: Path) -> None:
    errors = [LabelError("test", "cat/1.png", "cat", "dog", 0.98, 0.01)]
    reason = "likely dog (98.0%), not cat"
    for relabel, label in ((False, None), (True, "dog")):
        assert write_fix_list(errors, tmp_path / "fix.txt", relabel=relabel) == 1
        assert read_fixes(tmp_path / "fix.txt") == {"cat/1.png": Fix("cat/1.png", reason, label)}
    errors.append(LabelError("validation", "cat/1.png", "cat", "dog", 0.98, 0.01))
    assert write_fix_list(errors, tmp_path / "fix.txt", test="folder:other") == 2
    assert list(read_fixes(tmp_path / "fix.txt")) == ["folder:other/cat/1.png", "cat/1.png"]
