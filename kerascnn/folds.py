"""Cross-validation: the recipes of its trainings, and what they come to together."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from kerascnn.evaluation.predictions import Predictions, concatenated
from kerascnn.recipe import Recipe

SPLIT = "folds"  # of the table that has every image once, as the network said that had not seen it
CONFIDENCE = 0.95


def fold_recipe(recipe: Recipe, number: int) -> Recipe:
    """Returns the recipe of one training of a cross-validation.

    Args:
        recipe: With `data.folds`.
        number: Of the fold that is tested on, from 1.
    """
    values = recipe.model_dump(mode="json")
    values["data"] |= {"fold": number, "test": None}
    return Recipe(**values)


def final_recipe(recipe: Recipe, best_epochs: Sequence[float]) -> Recipe:
    """Returns the recipe of the last training, on all images; none are left to choose an epoch by.

    Args:
        recipe: With `data.folds`.
        best_epochs: How many epochs the weights of each fold had been trained for; it trains for
            their mean, but not for less than a warm-up, if it gets to that.
    """
    schedule, head = recipe.optimizer.schedule, recipe.training.head_epochs
    warmup = schedule.warmup or 0 if schedule.unit == "epochs" else 0
    epochs = max(1, round(float(np.mean(best_epochs))))
    if epochs > head:
        epochs = max(epochs, head + math.ceil(warmup))
    values = recipe.model_dump(mode="json")
    values["training"] |= {
        "epochs": epochs,
        "steps": None,
        "time_limit": None,
        "keep": "last",
        "early_stopping": None,
    }
    return Recipe(**values)


def out_of_fold(tables: Sequence[Predictions], fingerprint: str) -> Predictions:
    """Returns one table of what was said of the test images of every fold.

    Args:
        tables: Of each fold's test images.
        fingerprint: Of all the data, test images of other sources included.
    """
    return replace(concatenated(tables, SPLIT), fingerprint=fingerprint)


def fold_metrics(folds: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """Returns mean and 95% interval of the folds' test figures, such as "folds_accuracy_low".

    The interval is Student's, with one degree of freedom less than there are folds. As their
    training images overlap, it is only near to one (Bengio and Grandvalet 2004, section 3).

    Args:
        folds: The metrics of each fold's run; two or more.
    """
    from scipy.stats import t  # slow to import

    found: dict[str, float] = {}
    for name in ("accuracy", "loss", "top5_accuracy", "cost"):
        values = [metrics.get(f"test_{name}") for metrics in folds]
        known = [value for value in values if value is not None]
        if len(known) < len(folds):
            continue
        mean, spread = float(np.mean(known)), float(np.std(known, ddof=1))
        half = t.ppf((1 + CONFIDENCE) / 2, len(known) - 1) * spread / math.sqrt(len(known))
        high = mean + half
        found |= {
            f"folds_{name}": mean,
            f"folds_{name}_low": max(0.0, mean - half),
            f"folds_{name}_high": min(1.0, high) if "accuracy" in name else high,
        }
    return found
