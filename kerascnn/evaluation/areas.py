"""Areas under ROC and precision-recall curves: of many classes, and in many resamples.

scikit-learn's scores sort anew for each class and for each weighting, and need the score of every
example. Tests hold these here to those.
"""

from __future__ import annotations

import numpy as np


def areas(
    positives: np.ndarray,
    negatives: np.ndarray,
    more: np.ndarray | None = None,
    without: np.ndarray | None = None,
) -> tuple[float, float]:
    """Returns area under ROC and average precision of one class against the rest.

    Of pairs of equal scores half count for the area under ROC; average precision is a sum of steps,
    one for each score that a positive example has.

    Args:
        positives: Scores of the examples of the class, (P,).
        negatives: Of others, (M,).
        more: Of still more, sorted: many classes can have them in common.
        without: Which of `more` are left out.

    Returns:
        NaN, for either, where it takes what is not there: positive or negative examples.
    """
    if not len(positives):
        return np.nan, np.nan
    at = np.sort(positives)
    parts = [(1, np.sort(negatives))]
    if more is not None and without is not None:
        parts += [(1, more), (-1, np.sort(without))]
    count = sum(sign * len(part) for sign, part in parts)
    # How many negatives have at least, and more than, the score of each positive.
    least = count - sum(sign * np.searchsorted(part, at, "left") for sign, part in parts)
    above = count - sum(sign * np.searchsorted(part, at, "right") for sign, part in parts)
    as_good = len(at) - np.searchsorted(at, at, "left")
    average = float(np.mean(as_good / (as_good + least)))
    return (1 - float(np.mean(least + above)) / 2 / count if count else np.nan), average


class Ranking:
    """Scores in their order, once, for their areas in many resamples.

    Args:
        scores: (N,), or (N, C) for all answers together.
        truth: Whether each score is that of a true class; of the same shape.
    """

    def __init__(self, scores: np.ndarray, truth: np.ndarray):
        order = np.argsort(-scores.ravel(), kind="stable")
        ranked = scores.ravel()[order]
        ends = np.append(np.flatnonzero(np.diff(ranked)), len(ranked) - 1)  # of equal scores
        self._examples = order // (scores.size // len(scores))
        true = np.flatnonzero(truth.ravel()[order])
        self._true = self._examples[true]
        # The first and the last place, of all and of the true ones, with the score of each true one
        group = np.searchsorted(ends, true)
        self._last = ends[group]
        self._first = np.append(0, ends + 1)[group]
        self._last_true = np.searchsorted(true, self._last, "right") - 1
        self._first_true = np.searchsorted(true, self._first, "left")

    def areas(self, drawn: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Returns area under ROC and average precision in each resample, (resamples,).

        Args:
            drawn: How often each example is in each resample, float32 (resamples, N).
        """
        every = _sums(drawn[:, self._examples])
        weights = drawn[:, self._true]
        true = _sums(weights)
        least, as_good = every[:, self._last + 1], true[:, self._last_true + 1]
        negatives = least - as_good + every[:, self._first] - true[:, self._first_true]
        positive = true[:, -1].astype("f8")
        with np.errstate(invalid="ignore", divide="ignore"):
            average = (weights * np.where(least > 0, as_good / least, 0)).sum(axis=1) / positive
            pairs = positive * (every[:, -1] - positive)
            return 1 - (weights * negatives).sum(axis=1, dtype="f8") / 2 / pairs, average


def _sums(weights: np.ndarray) -> np.ndarray:
    """Returns how much weight stands before each place, and in all, (resamples, M + 1)."""
    sums = np.zeros((len(weights), weights.shape[1] + 1), weights.dtype)
    np.cumsum(weights, axis=1, out=sums[:, 1:])
    return sums
