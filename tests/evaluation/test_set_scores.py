"""Figures of label sets against scikit-learn's, and their intervals against resampling by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest
from sklearn.metrics import (
    accuracy_score,
    average_precision_score,
    f1_score,
    log_loss,
    precision_recall_fscore_support,
)

from kerascnn.evaluation import measures
from kerascnn.evaluation.scores import score
from kerascnn.evaluation.set_predictions import SetPredictions
from kerascnn.evaluation.set_scores import (
    SET_NAMES,
    SetScores,
    measure_sets,
    rows_of,
    score_sets,
    shown,
    table_of,
)
from tests.evaluation.tables import said_sets

CLASSES = ("cat", "dog", "owl", "elk")


@pytest.fixture(scope="module")
def table() -> SetPredictions:
    random = np.random.default_rng(1)
    labels = random.random((150, 4)) < [0.6, 0.3, 0.1, 0.4]
    logits = 2.0 * labels - 1 + random.normal(0, 1.5, labels.shape)
    return said_sets(logits, labels, CLASSES).at([0.4, 0.5, 0.6, 0.55])


def test_scores_are_scikit_learns(table: SetPredictions) -> None:
    found = score(table)
    assert isinstance(found, SetScores)
    labels, predicted, likely = table.labels, table.predicted, table.probabilities
    assert found.mean_average_precision == pytest.approx(
        average_precision_score(labels, likely, average="macro")
    )
    assert found.macro_f1 == pytest.approx(f1_score(labels, predicted, average="macro"))
    assert found.micro_f1 == pytest.approx(f1_score(labels, predicted, average="micro"))
    assert found.exact_match.value == accuracy_score(labels, predicted)
    each = [log_loss(labels[:, c], likely[:, c].astype(float)) for c in range(4)]
    assert found.loss == pytest.approx(np.mean(each), rel=1e-5)
    assert found.chance == pytest.approx(labels.mean())
    tracked = found.metrics("test")
    assert tracked["test_mean_average_precision"] == found.mean_average_precision
    assert tracked["test_exact_match_low"] == found.exact_match.low < found.exact_match.value
    assert tracked["test_count"] == 150
    assert f"mean average precision {found.mean_average_precision:.4f}" in repr(found)
    assert "threshold" in found._repr_html_()


def test_figures_of_each_label(table: SetPredictions) -> None:
    found = measure_sets(table)
    precision, recall, f1, support = precision_recall_fscore_support(table.labels, table.predicted)
    average = average_precision_score(table.labels, table.probabilities, average=None)
    for label, of in enumerate(found.classes):
        assert (of.name, of.support) == (CLASSES[label], support[label])
        assert of.threshold == table.thresholds[label]
        assert of.precision.value == pytest.approx(precision[label])
        assert of.recall.value == pytest.approx(recall[label])
        assert of.f1.value == pytest.approx(f1[label])
        assert of.average_precision.value == pytest.approx(average[label])
        for figure in (of.precision, of.recall, of.f1, of.average_precision):
            assert figure.low <= figure.value <= figure.high


def test_intervals_are_those_of_resamples(table: SetPredictions) -> None:
    found = measure_sets(table).overall
    drawn = np.concatenate(list(measures.draws(table.size, measures.RESAMPLES))).astype(int)
    figures: dict[str, list[float]] = {
        "mean_average_precision": [],
        "macro_f1": [],
        "micro_f1": [],
        "log_loss": [],
    }
    for counts in drawn[:300]:
        rows = np.repeat(np.arange(table.size), counts)
        labels, predicted = table.labels[rows], table.predicted[rows]
        likely = table.probabilities[rows]
        average = average_precision_score(labels, likely, average="macro")
        figures["mean_average_precision"].append(average)
        figures["macro_f1"].append(f1_score(labels, predicted, average="macro"))
        figures["micro_f1"].append(f1_score(labels, predicted, average="micro"))
        figures["log_loss"].append(table.losses[rows].mean())
    for name, values in figures.items():
        low, high = np.percentile(values, (2.5, 97.5))
        assert found[name].low == pytest.approx(low, abs=0.012)
        assert found[name].high == pytest.approx(high, abs=0.012)


def test_a_label_that_no_example_has_is_left_out_of_the_means(table: SetPredictions) -> None:
    labels = table.labels.copy()
    labels[:, 3] = False
    less = said_sets(np.log(table.probabilities / (1 - table.probabilities)), labels, CLASSES)
    found, three = (
        score_sets(less),
        average_precision_score(labels[:, :3], less.probabilities[:, :3]),
    )
    assert found.mean_average_precision == pytest.approx(three)
    absent = measure_sets(less).classes[3]
    assert absent.support == 0
    assert math.isnan(absent.average_precision.value)
    assert math.isnan(absent.recall.value)
    none = said_sets(np.zeros((5, 2)), np.zeros((5, 2), bool), ("a", "b"))
    assert math.isnan(score_sets(none).mean_average_precision)
    assert score_sets(none.at([0.9, 0.9])).exact_match.value == 1


def test_tables(table: SetPredictions) -> None:
    found = measure_sets(table)
    rows = rows_of(found)
    assert [row["figure"] for row in rows[:5]] == list(SET_NAMES)
    assert {
        key: row[key] for row in rows if (row["class"], row["figure"]) == ("dog", "threshold")
        for key in ("class", "figure", "value")
    } == {"class": "dog", "figure": "threshold", "value": 0.5}  # fmt: skip
    assert [row["class"] for row in table_of(found)] == list(CLASSES)
    assert shown("macro_f1", measures.Estimate(0.5, 0.25, 0.75)) == ("50.00%", "25.00% to 75.00%")
    assert shown("average_precision", measures.Estimate(0.5)) == ("0.5000", "")
