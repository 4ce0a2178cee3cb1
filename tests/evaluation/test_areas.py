"""Areas against scikit-learn's, equal scores and weights included."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn import metrics

from kerascnn.evaluation.areas import Ranking, areas
from kerascnn.evaluation.measures import draws

RANDOM = np.random.default_rng(3)
LABELS = RANDOM.choice(7, 400, p=[0.3, 0.2, 0.2, 0.1, 0.1, 0.05, 0.05])
TRUTH = np.eye(7, dtype=bool)[LABELS]
SCORES = np.round(RANDOM.normal(size=(400, 7)) + 1.5 * TRUTH, 1).astype(np.float32)  # some equal


@pytest.mark.parametrize("label", range(7))
def test_they_are_scikit_learns(label: int) -> None:
    truth, scores = TRUTH[:, label], SCORES[:, label]
    expected = (
        metrics.roc_auc_score(truth, scores), metrics.average_precision_score(truth, scores)
    )  # fmt: skip
    assert areas(scores[truth], scores[~truth]) == pytest.approx(expected)
    # the same, of which 200 are in common with other classes, though 50 of those are not
    negatives, other = scores[~truth], np.linspace(-2, 2, 50, dtype=np.float32)
    more = np.sort(np.append(negatives[:200], other))
    assert areas(scores[truth], negatives[200:], more, other) == pytest.approx(expected)


def test_what_is_not_there() -> None:
    assert np.isnan(areas(np.array([]), np.array([1.0]))).all()
    roc, average = areas(np.array([0.5, 0.7]), np.array([]))
    assert np.isnan(roc)
    assert average == 1


def test_in_a_resample_they_are_scikit_learns_with_weights() -> None:
    drawn = next(iter(draws(400, 20)))
    for scores, truth in ((SCORES[:, 2], TRUTH[:, 2]), (SCORES, TRUTH)):
        roc, average = Ranking(scores, truth).areas(drawn)
        for i, weights in enumerate(drawn):
            each = np.repeat(weights, scores.size // 400)
            given = (truth.ravel(), scores.ravel())
            assert roc[i] == pytest.approx(
                metrics.roc_auc_score(*given, sample_weight=each), rel=1e-5
            )
            assert average[i] == pytest.approx(
                metrics.average_precision_score(*given, sample_weight=each), rel=1e-4
            )


def test_a_class_that_all_examples_are_of() -> None:
    roc, average = Ranking(np.array([0.2, 0.1]), np.array([True, True])).areas(
        np.ones((1, 2), "f4")
    )
    assert np.isnan(roc).all()
    assert average.tolist() == [1]
