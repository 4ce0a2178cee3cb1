"""Which examples a model gets wrong, worst first, and which classes it takes for which."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from kerascnn.evaluation.predictions import Predictions
from kerascnn.evaluation.set_predictions import SetPredictions

Order = Literal["loss", "confidence", "margin"]


def mistakes(
    predictions: Predictions,
    *,
    true: int | None = None,
    said: int | None = None,
    order: Order = "loss",
) -> np.ndarray:
    """Returns the rows of the wrong examples, worst first.

    Args:
        predictions: The table.
        true: Only examples of this class.
        said: Only those that are taken for this class.
        order: What makes one worse: a higher loss, a more confident answer, or a narrower margin
            by which the true class is missed (these come first: they are nearly right).
    """
    wrong = ~predictions.correct
    if true is not None:
        wrong &= predictions.labels == true
    if said is not None:
        wrong &= predictions.predicted == said
    keys = {
        "loss": -predictions.losses,
        "confidence": -predictions.confidence,
        "margin": -predictions.margin,
    }
    rows = np.flatnonzero(wrong)
    ranked: np.ndarray = rows[np.argsort(keys[order][rows], kind="stable")]
    return ranked


def set_mistakes(predictions: SetPredictions, label: int | None = None) -> np.ndarray:
    """Returns the rows of the examples that are given other labels than they have, worst first.

    Args:
        predictions: The table.
        label: Only examples that are wrong in this one.
    """
    wrong = predictions.predicted != predictions.labels
    rows = np.flatnonzero(wrong.any(axis=1) if label is None else wrong[:, label])
    ranked: np.ndarray = rows[np.argsort(-predictions.losses[rows], kind="stable")]
    return ranked


@dataclass(frozen=True)
class Confusion:
    """Examples of one class that are taken for another.

    Attributes:
        true: The class that they are of.
        said: What they are taken for.
        count: How many.
        share: Of all examples of the true class.
        worst: Row of the one with the highest loss.
    """

    true: int
    said: int
    count: int
    share: float
    worst: int


def confusions(predictions: Predictions) -> list[Confusion]:
    """Returns every pair of classes that is confused, the most frequent first."""
    table = predictions.confusion.copy()
    support = table.sum(axis=1)
    np.fill_diagonal(table, 0)
    pairs = np.argwhere(table)
    pairs = pairs[np.argsort(-table[tuple(pairs.T)], kind="stable")]
    worst = {}
    for row in mistakes(predictions)[::-1]:
        worst[int(predictions.labels[row]), int(predictions.predicted[row])] = int(row)
    return [
        Confusion(t, s, int(table[t, s]), float(table[t, s] / support[t]), worst[t, s])
        for t, s in pairs.tolist()
    ]


def set_rows_of(predictions: SetPredictions, rows: np.ndarray) -> Iterator[dict[str, Any]]:
    """Yields what is known of some examples, by the names of the columns; labels as cat|dog."""
    for row in rows.tolist():
        has, said = predictions.labels[row], predictions.predicted[row]
        yield {
            "example": predictions.examples[row],
            "true": "|".join(predictions.names(has)),
            "missed": "|".join(predictions.names(has & ~said)),
            "too_many": "|".join(predictions.names(said & ~has)),
            "loss": float(predictions.losses[row]),
        }


def rows_of(predictions: Predictions, rows: np.ndarray) -> Iterator[dict[str, Any]]:
    """Yields what is known of some examples, by the names of the columns."""
    for row in rows.tolist():
        yield {
            "example": predictions.examples[row],
            "true": predictions.classes[predictions.labels[row]],
            "said": predictions.classes[predictions.predicted[row]],
            "confidence": float(predictions.confidence[row]),
            "true_probability": float(predictions.true_probability[row]),
            "loss": float(predictions.losses[row]),
            "margin": float(predictions.margin[row]),
        }
