"""The table of what a model said: kept, read again, and its columns."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.special import softmax

from kerascnn.data.loading import load
from kerascnn.data.spec import DataSpec
from kerascnn.errors import UserError
from kerascnn.evaluation.predictions import (
    LARGEST,
    Predictions,
    predictions_of,
    read_predictions,
    subset,
    write_predictions,
)
from tests.evaluation.tables import said

CLASSES = ("a", "b", "c")
LOGITS = np.log([[0.7, 0.2, 0.1], [0.5, 0.1, 0.4], [0.2, 0.2, 0.6]])


@pytest.fixture
def three() -> Predictions:
    return said(LOGITS, np.array([0, 2, 1]), CLASSES)


def test_columns_of_a_table_made_by_hand(three: Predictions) -> None:
    assert three.size == 3
    assert three.predicted.tolist() == [0, 0, 2]
    assert three.correct.tolist() == [True, False, False]
    assert three.confidence == pytest.approx([0.7, 0.5, 0.6])
    assert three.losses == pytest.approx([-math.log(0.7), -math.log(0.4), -math.log(0.2)])
    assert three.margin == pytest.approx([0.5, -0.1, -0.4])
    assert three.rest.tolist() == [0, 0, 0]
    assert three.top[1].tolist() == [0, 2, 1]
    np.testing.assert_allclose(three.by_class, np.exp(LOGITS), rtol=1e-6)
    assert three.confusion.tolist() == [[1, 0, 0], [0, 0, 1], [1, 0, 0]]


def test_a_file_gives_the_same_table_back(three: Predictions, tmp_path: Path) -> None:
    path = tmp_path / "predictions_test.parquet"
    write_predictions(three, path)
    again = read_predictions(path)
    for name in ("data", "fingerprint", "split", "classes"):
        assert getattr(again, name) == getattr(three, name)
    for name in ("examples", "labels", "top", "probabilities", "losses", "dimensions"):
        np.testing.assert_array_equal(getattr(again, name), getattr(three, name))
    table = pd.read_parquet(path)  # for everybody else
    assert table["true"].tolist() == ["a", "c", "b"]
    assert table["predicted"].tolist() == ["a", "a", "c"]
    assert table["probabilities"][0] == pytest.approx([0.7, 0.2, 0.1])


def test_of_a_thousand_classes_the_largest_are_kept(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    logits = random.normal(size=(40, 1000)) * 2
    labels = random.integers(0, 1000, 40)
    logits[:20, labels[:20]] += 9
    classes = tuple(f"class {number}" for number in range(1000))
    write_predictions(said(logits, labels, classes), tmp_path / "x.parquet")
    found = read_predictions(tmp_path / "x.parquet")
    full = softmax(logits, axis=1)
    assert found.top.shape == (40, LARGEST)
    np.testing.assert_array_equal(found.predicted, logits.argmax(axis=1))
    np.testing.assert_allclose(found.probabilities, -np.sort(-full, axis=1)[:, :10], rtol=1e-5)
    np.testing.assert_allclose(found.rest, 1 - found.probabilities.sum(axis=1), atol=1e-6)
    np.testing.assert_allclose(found.by_class.sum(axis=1), 1, atol=1e-5)
    rows = np.arange(40)
    np.testing.assert_allclose(found.by_class[rows, labels], full[rows, labels], rtol=1e-4)
    assert (tmp_path / "x.parquet").stat().st_size < 40_000


def test_some_rows_are_a_table_too(three: Predictions) -> None:
    wrong = subset(three, ~three.correct)
    assert wrong.examples.tolist() == ["1", "2"]
    assert subset(three, [2, 0]).labels.tolist() == [1, 0]


def test_examples_of_a_split_are_called_by_their_number_in_the_set() -> None:
    data = load(DataSpec(name="digits"))
    found = {
        split: predictions_of(np.zeros((part.size, 10)), data, split)
        for split, part in data.splits.items()
    }
    numbers = np.concatenate([table.examples.astype(int) for table in found.values()])
    assert sorted(numbers) == list(range(1797))
    assert found["test"].predicted.tolist() == [0] * 270  # the first of equal ones
    assert found["test"].fingerprint == data.fingerprint


@pytest.mark.parametrize("content", [b"", b"PAR1", b"no table at all" * 100])
def test_damaged_files_are_told(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "x.parquet"
    path.write_bytes(content)
    with pytest.raises(UserError, match=r"x\.parquet: is damaged"):
        read_predictions(path)


def test_a_table_of_somebody_else_is_told(tmp_path: Path) -> None:
    path = tmp_path / "x.parquet"
    pd.DataFrame({"a": [1]}).to_parquet(path)
    with pytest.raises(UserError, match=r"x\.parquet: is damaged"):
        read_predictions(path)
