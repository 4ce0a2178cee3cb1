"""Tables of label sets: thresholds against trying every one, and what is written is read."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from pyarrow import parquet
from scipy.special import log_expit, logit
from sklearn.metrics import f1_score

from kerascnn.data.loading import load
from kerascnn.data.spec import DataSpec
from kerascnn.errors import UserError
from kerascnn.evaluation.predictions import read_predictions
from kerascnn.evaluation.set_predictions import (
    UNCHOSEN,
    SetPredictions,
    best_thresholds,
    read_sets,
    sets_of,
    write_table,
)
from tests.composites import write_pairs
from tests.evaluation.tables import said_sets


def _made_up(size: int = 200, seed: int = 0) -> SetPredictions:
    random = np.random.default_rng(seed)
    labels = random.random((size, 4)) < [0.6, 0.3, 0.1, 0]
    logits = 2.0 * labels - 1 + random.normal(0, 1.2, labels.shape)
    return said_sets(np.round(logits, 1), labels, ("cat", "dog", "owl", "elk"))  # with equal ones


def test_what_a_model_says_of_a_split(tmp_path: Path) -> None:
    data = load(DataSpec(name=f"csv:{write_pairs(tmp_path, 60)}", labels="several"))
    labels = data.splits["test"].labels
    logits = np.random.default_rng(0).normal(0, 3, labels.shape).astype(np.float32)
    found = sets_of(logits, data, "test")
    np.testing.assert_allclose(logit(found.probabilities.astype(float)), logits, atol=1e-3)
    each = -(labels * log_expit(logits) + (1 - labels) * log_expit(-logits))
    np.testing.assert_allclose(found.losses, each.mean(axis=1), rtol=1e-5)
    np.testing.assert_array_equal(found.predicted, logits >= 0)
    np.testing.assert_array_equal(found.exact, ((logits >= 0) == (labels > 0)).all(axis=1))
    assert found.examples.tolist() == data.splits["test"].images.identities()
    assert found.dimensions.tolist() == [[8, 16]] * found.size


def test_thresholds_have_the_highest_f1() -> None:
    for seed in range(5):
        table = _made_up(seed=seed)
        chosen = best_thresholds(table)
        for label in range(3):
            truth, values = table.labels[:, label], table.probabilities[:, label]
            tried = [f1_score(truth, values >= value) for value in np.unique(values)]
            now = f1_score(truth, table.at(chosen).predicted[:, label])
            assert now == pytest.approx(max(tried), abs=1e-12)
        assert chosen[3] == UNCHOSEN, "no example has it"


def test_a_threshold_lies_between_two_probabilities() -> None:
    logits = logit(np.array([[0.9], [0.7], [0.3], [0.1]]))
    table = said_sets(logits, np.array([[1], [1], [0], [0]], bool), ("cat",))
    assert best_thresholds(table) == pytest.approx([0.5])
    every = said_sets(logits, np.ones((4, 1), bool), ("cat",))
    assert best_thresholds(every) == pytest.approx([0.05])
    assert every.at(best_thresholds(every)).predicted.all()


def test_what_is_written_is_read(tmp_path: Path) -> None:
    table = _made_up().at([0.1, 1 / 3, 0.5, 0.7])
    write_table(table, tmp_path / "t.parquet")
    again = read_sets(tmp_path / "t.parquet")
    for name, value in vars(table).items():
        if isinstance(value, np.ndarray):
            np.testing.assert_array_equal(getattr(again, name), value)
        elif name in ("data", "fingerprint", "split", "classes"):
            assert getattr(again, name) == value
    rows = parquet.read_table(tmp_path / "t.parquet").to_pylist()
    assert rows[0]["true"] == table.names(table.labels[0])
    assert [set(row["predicted"]) for row in rows] == [set(table.names(r)) for r in table.predicted]
    assert [row["exact"] for row in rows] == table.exact.tolist()


def test_tables_of_the_other_kind_and_damaged_ones(tmp_path: Path) -> None:
    write_table(_made_up(), tmp_path / "t.parquet")
    with pytest.raises(UserError, match=r"t\.parquet: is of images with several labels each"):
        read_predictions(tmp_path / "t.parquet")
    content = (tmp_path / "t.parquet").read_bytes()
    (tmp_path / "cut.parquet").write_bytes(content[:-20])
    with pytest.raises(UserError, match=r"cut\.parquet: is damaged"):
        read_sets(tmp_path / "cut.parquet")
