"""What the pictures of a sweep show: its trials and their hyperparameters, as numbers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from kerascnn.metrics import format_metric


@dataclass(frozen=True)
class Column:
    """The values of one hyperparameter.

    Attributes:
        name: Dotted name of the field.
        values: Numbers (N,), or indices of the labels; NaN where a trial did not have it.
        labels: The texts of values that are no numbers.
        log: Whether they were searched on a log scale.
    """

    name: str
    values: np.ndarray
    labels: tuple[str, ...] = ()
    log: bool = False


@dataclass(frozen=True)
class Trials:
    """What the trials of a sweep reached.

    Attributes:
        numbers: The numbers of the trials (N,).
        scores: The objective (N,).
        full: Whether each was trained in full (N,), not on a part of the epochs or images.
        name: The name of the objective.
        maximize: Whether the best score is the highest.
        failed: Numbers of the trials that have no score.
    """

    numbers: np.ndarray
    scores: np.ndarray
    full: np.ndarray
    name: str
    maximize: bool
    failed: Sequence[int] = ()

    @property
    def best(self) -> int:
        """Index of the best score, among the fully trained where there are any."""
        worst = -np.inf if self.maximize else np.inf
        scores = np.where(self.full, self.scores, worst) if self.full.any() else self.scores
        return int(scores.argmax() if self.maximize else scores.argmin())

    def text(self, index: int) -> str:
        """Returns a score with its name."""
        return f"{self.name} {score_text(self.name, float(self.scores[index]))}"


def score_text(name: str, score: float) -> str:
    """Returns a score as it is written beside an axis."""
    return format_metric(name, score).replace(".00%", "%")
