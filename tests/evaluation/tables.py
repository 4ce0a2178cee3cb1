"""Tables of predictions made by hand."""

from __future__ import annotations

import numpy as np
from scipy.special import expit, log_expit

from kerascnn.evaluation.predictions import Predictions, from_logits
from kerascnn.evaluation.set_predictions import UNCHOSEN, SetPredictions


def said(
    logits: np.ndarray, labels: np.ndarray, classes: tuple[str, ...], split: str = "test"
) -> Predictions:
    """What a model with those logits says of examples that are called by their number."""
    return from_logits(
        logits,
        labels,
        classes,
        examples=[str(number) for number in range(len(labels))],
        dimensions=np.full((len(labels), 2), 32),
        data="digits",
        fingerprint="f",
        split=split,
    )


def said_sets(
    logits: np.ndarray, labels: np.ndarray, classes: tuple[str, ...], split: str = "test"
) -> SetPredictions:
    """The same of examples with several labels each, bool (N, classes), at a half."""
    each = -np.where(labels, log_expit(logits), log_expit(-logits))
    return SetPredictions(
        data="csv:x.csv",
        fingerprint="f",
        split=split,
        classes=classes,
        examples=np.array([str(number) for number in range(len(labels))], object),
        labels=labels,
        probabilities=expit(logits).astype(np.float32),
        losses=each.mean(axis=1).astype(np.float32),
        dimensions=np.full((len(labels), 2), 32, np.int32),
        thresholds=np.full(len(classes), UNCHOSEN),
    )
