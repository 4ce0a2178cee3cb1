"""Reliability and temperature on tables with known answers."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import softmax
from sklearn.calibration import calibration_curve

from kerascnn.evaluation.calibration import (
    BINS,
    bins_of,
    calibration_error,
    fit_temperature,
    reliability,
)
from tests.evaluation.tables import said


def test_bins_of_a_table_made_by_hand() -> None:
    # Sure by 0.9 and right half of the time; sure by 0.55 and always right.
    logits = np.log([[0.9, 0.1]] * 4 + [[0.55, 0.45]] * 4)
    found = said(logits, np.array([0, 0, 1, 1, 0, 0, 0, 0]), ("a", "b"))
    filled = [part for part in reliability(found) if part.count]
    assert [(part.count, part.accuracy) for part in filled] == [(4, 1.0), (4, 0.5)]
    assert [part.confidence for part in filled] == pytest.approx([0.55, 0.9])
    assert calibration_error(found) == pytest.approx(0.5 * 0.45 + 0.5 * 0.4)


def test_bounds_belong_to_the_bin_below() -> None:
    assert bins_of(np.array([0.0, 1 / BINS, 1 / BINS + 1e-9, 1.0])).tolist() == [0, 0, 1, BINS - 1]


def _model(temperature: float) -> tuple[np.ndarray, np.ndarray]:
    """Labels drawn from a softmax, and the logits of a model that is too sure by a factor."""
    random = np.random.default_rng(0)
    logits = random.normal(size=(20_000, 5)) * 2
    chances = softmax(logits, axis=1).cumsum(axis=1)
    labels = (random.random((len(logits), 1)) > chances).sum(axis=1).clip(max=4)
    return logits * temperature, labels


def test_bins_agree_with_scikit_learn() -> None:
    logits, labels = _model(2.0)
    found = said(logits, labels, tuple("abcde"))
    shares, means = calibration_curve(found.correct, found.confidence, n_bins=BINS)
    filled = [part for part in reliability(found) if part.count]
    np.testing.assert_allclose([part.accuracy for part in filled], shares)
    np.testing.assert_allclose([part.confidence for part in filled], means, rtol=1e-5)


@pytest.mark.parametrize("temperature", [0.5, 1.0, 3.0])
def test_the_temperature_of_a_model_that_is_off_by_a_factor_is_found(temperature: float) -> None:
    logits, labels = _model(temperature)
    found = fit_temperature(said(logits, labels, tuple("abcde")))
    assert found == pytest.approx(temperature, rel=0.03)
    assert calibration_error(said(logits / found, labels, tuple("abcde"))) < 0.02
