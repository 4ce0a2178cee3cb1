"""Every figure against scikit-learn and SciPy, and on tables with known answers."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.special import softmax
from scipy.stats import binomtest, bootstrap
from sklearn import metrics

from kerascnn.evaluation import measures as measuring
from kerascnn.evaluation.measures import NAMES, Estimate, measure, rows_of, shown, wilson
from kerascnn.evaluation.predictions import Predictions
from tests.evaluation.tables import said

CLASSES = tuple("abcdefg")


@pytest.fixture(scope="module")
def table() -> Predictions:
    random = np.random.default_rng(3)
    labels = random.choice(7, 400, p=[0.3, 0.2, 0.2, 0.1, 0.1, 0.05, 0.05])
    logits = np.round(random.normal(size=(400, 7)), 1)  # some are equal
    logits[np.arange(400), labels] += 1.5
    return said(logits, labels, CLASSES)


def test_a_table_made_by_hand() -> None:
    # Of class a 3 of 4 are right, of b 1 of 2; one a is called b, one b is called a.
    logits = np.log([[0.8, 0.2]] * 3 + [[0.4, 0.6], [0.1, 0.9], [0.7, 0.3]])
    found = measure(said(logits, np.array([0, 0, 0, 0, 1, 1]), ("a", "b")))
    assert found.count == 6
    assert found.trivial == ("a", pytest.approx(4 / 6))
    assert found.overall["accuracy"].value == pytest.approx(4 / 6)
    assert "top5_accuracy" not in found.overall
    a, b = found.classes
    assert (a.support, b.support) == (4, 2)
    assert (a.precision.value, a.recall.value) == pytest.approx((3 / 4, 3 / 4))
    assert (b.precision.value, b.recall.value) == pytest.approx((1 / 2, 1 / 2))
    assert found.overall["macro_f1"].value == pytest.approx((0.75 + 0.5) / 2)
    assert found.overall["weighted_f1"].value == pytest.approx((4 * 0.75 + 2 * 0.5) / 6)
    # 2 x the square of what is missing: 0.2, 0.2, 0.2, 0.6, 0.1, 0.7
    squares = [2 * x * x for x in (0.2, 0.2, 0.2, 0.6, 0.1, 0.7)]
    assert found.overall["brier"].value == pytest.approx(np.mean(squares), rel=1e-5)
    # Of the 8 pairs of an a and a b, the b is the likelier b in all but those of the last b with
    # the a of 0.6: 7 of 8.
    assert b.roc_auc.value == pytest.approx(7 / 8)


def test_figures_agree_with_scikit_learn(table: Predictions) -> None:
    found = measure(table).overall
    truth = np.eye(7)[table.labels]
    probabilities = table.by_class.astype(np.float64)
    probabilities /= probabilities.sum(axis=1, keepdims=True)
    expected = {
        "accuracy": metrics.accuracy_score(table.labels, table.predicted),
        "log_loss": metrics.log_loss(table.labels, probabilities),
        "brier": ((probabilities - truth) ** 2).sum(axis=1).mean(),
    }
    for mean in ("macro", "weighted"):
        precision, recall, f1, _ = metrics.precision_recall_fscore_support(
            table.labels, table.predicted, average=mean, zero_division=0
        )
        expected |= {
            f"{mean}_precision": precision, f"{mean}_recall": recall, f"{mean}_f1": f1,
            f"{mean}_roc_auc": metrics.roc_auc_score(
                table.labels, probabilities, average=mean, multi_class="ovr"
            ),
        }  # fmt: skip
    for mean in ("macro", "weighted", "micro"):
        expected[f"{mean}_average_precision"] = metrics.average_precision_score(
            truth, table.by_class, average=mean
        )
    expected["micro_roc_auc"] = metrics.roc_auc_score(truth, table.by_class, average="micro")
    assert set(found) == set(NAMES) == {*expected, "ece", "top5_accuracy"}
    for name, value in expected.items():
        assert found[name].value == pytest.approx(value, rel=1e-4), name
    for name, estimate in found.items():
        assert estimate.low < estimate.value + 0.05, name
        assert estimate.low < estimate.high, name


def test_the_bootstrap_agrees_with_scipys(table: Predictions) -> None:
    found = measure(table).overall["log_loss"]
    theirs = bootstrap(
        (table.losses,), np.mean, n_resamples=2000, method="percentile", rng=1
    ).confidence_interval
    width = float(theirs.high - theirs.low)
    assert found.low == pytest.approx(float(theirs.low), abs=0.1 * width)
    assert found.high == pytest.approx(float(theirs.high), abs=0.1 * width)
    assert measure(table).overall["log_loss"] == found  # the same each time


def test_intervals_hold_what_they_promise() -> None:
    """Of 60 samples of a known model, some 95% of the intervals hold its accuracy and log loss."""
    random = np.random.default_rng(0)
    held = {"log_loss": 0, "accuracy": 0}
    expected = {"log_loss": 0.6 * -math.log(0.8) + 0.4 * -math.log(0.2), "accuracy": 0.6}
    for _ in range(60):
        labels = (random.random(150) > 0.6).astype(int)
        found = measure(said(np.log([[0.8, 0.2]] * 150), labels, ("a", "b"))).overall
        for name, value in expected.items():
            held[name] += found[name].low <= value <= found[name].high
    assert all(52 <= count <= 60 for count in held.values()), held


def test_wilson_interval() -> None:
    for successes, trials in ((0, 7), (7, 7), (8, 10), (1, 30_000)):
        expected = binomtest(successes, trials).proportion_ci(0.95, method="wilson")
        found = wilson(successes, trials)
        assert (found.low, found.high) == pytest.approx((expected.low, expected.high), abs=1e-12)
    # 8 of 10: 0.490 to 0.943 (Brown, Cai and DasGupta 2001)
    found = wilson(8, 10)
    assert (found.low, found.high) == pytest.approx((0.4902, 0.9433), abs=1e-4)
    assert math.isnan(wilson(0, 0).value)


def test_percentiles_of_columns_leave_out_what_is_missing() -> None:
    values = np.random.default_rng(0).normal(size=(300, 3))
    values[::2, 1] = values[10:, 2] = np.nan
    found = measuring.percentile_intervals(values)
    for column in (0, 1):
        expected = np.nanpercentile(values[:, column], [2.5, 97.5])
        np.testing.assert_allclose(found[column], expected)
    assert np.isnan(found[2]).all(), "ten are too few"


def test_of_more_classes_than_are_kept_the_figures_are_those_of_all_scores() -> None:
    random = np.random.default_rng(1)
    labels = random.integers(0, 120, 300)
    logits = random.normal(size=(300, 120))
    logits[np.arange(300), labels] += 2
    table = said(logits, labels, tuple(map(str, range(120))))
    assert table.top.shape[1] < 120
    assert table.true_is_hidden.any()
    found = measure(table)
    for label in np.unique(labels):
        truth, scores = labels == label, table.by_class[:, label]
        of = found.classes[label]
        assert of.roc_auc.value == pytest.approx(metrics.roc_auc_score(truth, scores))
        expected = metrics.average_precision_score(truth, scores)
        assert of.average_precision.value == pytest.approx(expected)
    brier = ((table.by_class - np.eye(120)[labels]) ** 2).sum(axis=1).mean()
    assert found.overall["brier"].value == pytest.approx(brier, rel=1e-5)


def test_a_class_without_examples_has_no_figures_and_spoils_none() -> None:
    logits = np.log([[0.6, 0.3, 0.1], [0.2, 0.7, 0.1], [0.1, 0.2, 0.7]])
    found = measure(said(logits, np.array([0, 1, 1]), ("a", "b", "c")))
    assert found.classes[2].support == 0
    assert math.isnan(found.classes[2].recall.value)
    assert math.isnan(found.classes[2].roc_auc.value)
    assert found.overall["macro_recall"].value == pytest.approx(0.75)
    assert shown("macro_recall", found.overall["macro_recall"])[0] == "75.00%"
    assert shown("recall", Estimate(math.nan)) == ("", "")


def test_a_single_class_in_the_table() -> None:
    found = measure(said(np.zeros((5, 2)), np.zeros(5, int), ("a", "b")))
    assert found.overall["accuracy"].value == 1
    assert math.isnan(found.overall["macro_roc_auc"].value)


@pytest.mark.slow
def test_a_thousand_classes() -> None:
    random = np.random.default_rng(0)
    labels = random.integers(0, 1000, 3000)
    logits = random.normal(size=(3000, 1000))
    logits[np.arange(3000), labels] += 4
    table = said(logits, labels, tuple(map(str, range(1000))))
    found = measure(table)
    truth = softmax(logits, axis=1)
    assert found.overall["log_loss"].value == pytest.approx(
        metrics.log_loss(labels, truth, labels=range(1000)), rel=1e-5
    )
    brier = ((truth - np.eye(1000)[labels]) ** 2).sum(axis=1).mean()
    assert found.overall["brier"].value == pytest.approx(brier, rel=2e-3)
    auc = np.mean([metrics.roc_auc_score(labels == c, truth[:, c]) for c in np.unique(labels)])
    assert found.overall["macro_roc_auc"].value == pytest.approx(auc, abs=0.02)
    assert math.isnan(found.overall["macro_roc_auc"].low)  # resampled, it would take minutes
    assert len(found.classes) == 1000


def test_rows_name_every_figure(table: Predictions) -> None:
    rows = rows_of(measure(table))
    assert {row["class"] for row in rows} == {"", *CLASSES}
    assert [row["figure"] for row in rows if row["class"] == "a"] == [
        "support", "precision", "recall", "f1", "roc_auc", "average_precision",
    ]  # fmt: skip
