"""Trials as numbers: which is the best, and how scores are written."""

from __future__ import annotations

import numpy as np
import pytest

from kerascnn.visualization.sweep_trials import Trials, score_text


def _trials(scores: list[float], name: str = "validation_accuracy", part: int = 0) -> Trials:
    """Of which the first so many were trained in part."""
    numbers = np.arange(1, len(scores) + 1)
    return Trials(numbers, np.array(scores), numbers > part, name, name.endswith("accuracy"))


@pytest.mark.parametrize(
    ("scores", "name", "part", "best"),
    [
        ([0.9, 0.99, 0.95], "validation_accuracy", 0, 1),
        ([0.99, 0.9, 0.95], "validation_accuracy", 1, 2),
        ([0.9, 0.99, 0.95], "validation_accuracy", 3, 1),  # none in full: the best there is
        ([0.3, 0.1, 0.2], "validation_loss", 0, 1),
        ([0.1, 0.3, 0.2], "validation_loss", 1, 2),
        ([0.5, 0.5], "validation_accuracy", 0, 0),
    ],
)
def test_the_best_is_one_that_was_trained_in_full(scores, name, part, best) -> None:
    assert _trials(scores, name, part).best == best


def test_scores_are_written_without_needless_digits() -> None:
    assert score_text("validation_accuracy", 0.99) == "99%"
    assert score_text("validation_accuracy", 0.9925) == "99.25%"
    assert score_text("validation_loss", 0.0314159) == "0.03142"
    assert _trials([0.5, 0.875]).text(1) == "validation_accuracy 87.50%"
    assert _trials([0.25], "validation_loss").text(0) == "validation_loss 0.25"
