"""Accuracy against the share of images that are answered at all."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from kerascnn.errors import UserError
from kerascnn.evaluation.predictions import Predictions


@dataclass(frozen=True, eq=False)
class Coverage:
    """What each threshold gives: only images of at least so much confidence are answered.

    Attributes:
        threshold: Confidences that occur, falling, float64 (M,).
        answered: Share of the images with at least that confidence, (M,).
        accuracy: Share of the answers that are right, (M,).
    """

    threshold: np.ndarray
    answered: np.ndarray
    accuracy: np.ndarray


def coverage(predictions: Predictions) -> Coverage:
    """Returns accuracy and share answered at every threshold (El-Yaniv and Wiener 2010)."""
    order = np.argsort(-predictions.confidence, kind="stable")
    confidence = predictions.confidence[order].astype(np.float64)
    last = np.append(np.flatnonzero(np.diff(confidence)), predictions.size - 1)  # of equal ones
    answers = np.arange(1, predictions.size + 1)
    right = np.cumsum(predictions.correct[order])
    return Coverage(confidence[last], answers[last] / predictions.size, right[last] / answers[last])


@dataclass(frozen=True)
class Threshold:
    """A least confidence, and what it gave on the images it was chosen on.

    Attributes:
        confidence: Answers below it are "unknown".
        precision: Share of the answers that are right.
        answered: Share of the images that are answered.
    """

    confidence: float
    precision: float
    answered: float


def threshold_for(predictions: Predictions, precision: float) -> Threshold:
    """Returns the lowest threshold whose answers have at least a wanted precision.

    Args:
        predictions: Of images that the model was not trained on, such as the validation split.
        precision: Share of the answers that are to be right, above 0 and at most 1.

    Raises:
        UserError: If no threshold reaches it.
    """
    curve = coverage(predictions)
    enough = np.flatnonzero(curve.accuracy >= precision)
    if not len(enough):
        raise UserError(
            f"no threshold reaches a precision of {precision:.2%} on the {predictions.split} "
            f"images: the highest is {curve.accuracy.max():.2%}"
        )
    at = enough[-1]
    return Threshold(
        float(curve.threshold[at]), float(curve.accuracy[at]), float(curve.answered[at])
    )
