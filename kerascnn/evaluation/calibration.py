"""Whether a model that says 80% is right four times in five: bins, their error, a temperature."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from kerascnn.evaluation.predictions import Predictions

BINS = 15  # of equal width, as Guo et al. 2017, section 2
_RANGE = (0.05, 20.0)  # temperatures that are tried


@dataclass(frozen=True)
class Bin:
    """Examples whose confidence lies between two bounds.

    Attributes:
        low: Lower bound, not in the bin (but 0 in the first).
        high: Upper bound, in the bin.
        count: Examples in it.
        confidence: Their mean confidence; NaN without examples.
        accuracy: Share of them that is right; NaN without examples.
    """

    low: float
    high: float
    count: int
    confidence: float
    accuracy: float


def bins_of(confidence: np.ndarray) -> np.ndarray:
    """Returns the bin of each confidence, integers (N,) from 0 to BINS - 1."""
    edges = np.linspace(0, 1, BINS + 1)[1:-1]
    found: np.ndarray = np.searchsorted(edges, confidence, side="left")
    return found


def reliability(predictions: Predictions) -> list[Bin]:
    """Returns all bins, lowest first; empty ones too."""
    edges = np.linspace(0, 1, BINS + 1)
    bins = bins_of(predictions.confidence)
    counts = np.bincount(bins, minlength=BINS)
    sure = np.bincount(bins, predictions.confidence.astype(np.float64), minlength=BINS)
    right = np.bincount(bins, predictions.correct, minlength=BINS)
    with np.errstate(invalid="ignore"):
        means, shares = sure / counts, right / counts
    return [
        Bin(float(edges[i]), float(edges[i + 1]), int(counts[i]), float(means[i]), float(shares[i]))
        for i in range(BINS)
    ]


def calibration_error(predictions: Predictions) -> float:
    """Returns the expected calibration error (Naeini et al. 2015; Guo et al. 2017, equation 3)."""
    filled = [part for part in reliability(predictions) if part.count]
    off = sum(part.count * abs(part.accuracy - part.confidence) for part in filled)
    return off / predictions.size


def fit_temperature(predictions: Predictions) -> float:
    """Returns the temperature whose division of the logits gives the lowest log loss.

    Guo et al. 2017, section 4.2. The logarithm of the probabilities stands for the logits: they
    differ by a number that softmax takes no notice of.

    Args:
        predictions: Of images that the model was not trained on, at temperature 1.
    """
    from scipy.optimize import minimize_scalar  # slow to import
    from scipy.special import log_softmax

    logits = predictions.logits
    rows = np.arange(predictions.size)

    def loss(log_temperature: float) -> float:
        scaled = log_softmax(logits / np.exp(log_temperature), axis=1)
        return -float(scaled[rows, predictions.labels].mean())

    found = minimize_scalar(loss, bounds=np.log(_RANGE), method="bounded")
    return float(np.exp(found.x))


def at_temperature(predictions: Predictions, temperature: float) -> Predictions:
    """Returns what the model says when its logits are divided by a temperature.

    Args:
        predictions: At temperature 1.
        temperature: Above 1 makes the model less sure, below 1 surer; the answers stay.
    """
    return predictions.with_logits(predictions.logits / temperature)
