"""The trainings of a cross-validation, and what they come to together."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from kerascnn.evaluation.predictions import Predictions, from_logits
from kerascnn.folds import final_recipe, fold_metrics, fold_recipe, out_of_fold
from kerascnn.recipe import load_recipe

SOURCE = {
    "model": {"name": "mlp"},
    "data": {"name": "digits", "test": "digits", "folds": 5},
    "training": {"steps": 40, "time_limit": 600},
}


def test_a_fold_is_the_recipe_with_its_number() -> None:
    recipe = load_recipe(SOURCE)
    third = fold_recipe(recipe, 3)
    assert (third.data.folds, third.data.fold, third.data.test) == (5, 3, None)
    assert not third.data.trains_on_all
    assert (third.training, third.model, third.optimizer) == (
        recipe.training,
        recipe.model,
        recipe.optimizer,
    )


def test_the_last_network_trains_as_long_as_the_folds_did() -> None:
    recipe = load_recipe(SOURCE)
    last = final_recipe(recipe, [3, 4, 4, 9, 8])
    assert last.training.epochs == 6
    assert (last.training.steps, last.training.time_limit) == (None, None)
    assert (last.training.keep, last.training.early_stopping) == ("last", None)
    assert last.data == recipe.data
    assert last.data.trains_on_all
    warm = load_recipe(SOURCE, ["optimizer.schedule={name: cosine, warmup: 4.5}"])
    assert final_recipe(warm, [1, 2, 1, 1, 1]).training.epochs == 5
    fine = ["training.initialize=a.keras", "training.head_epochs=3"]
    tuned = load_recipe(warm, fine)
    assert final_recipe(tuned, [3, 3, 3, 2, 3]).training.epochs == 3, "the head alone"
    assert final_recipe(tuned, [4, 4, 4, 4, 4]).training.epochs == 8, "and a whole warm-up"


def test_means_and_students_intervals() -> None:
    accuracies, losses = [0.91, 0.95, 0.9, 0.97], [0.3, 0.2, 0.4, 0.1]
    folds = [
        {"test_accuracy": a, "test_loss": b, "train_accuracy": 1.0}
        for a, b in zip(accuracies, losses, strict=True)
    ]
    found = fold_metrics(folds)
    assert len(found) == 6
    for name, values in (("accuracy", accuracies), ("loss", losses)):
        low, high = stats.t.interval(0.95, 3, np.mean(values), stats.sem(values))
        assert found[f"folds_{name}"] == pytest.approx(np.mean(values))
        assert found[f"folds_{name}_low"] == pytest.approx(max(0, low))
        assert found[f"folds_{name}_high"] == pytest.approx(min(1, high))
    assert (
        fold_metrics([{"test_accuracy": 1.0}, {"test_accuracy": 0.5}])["folds_accuracy_high"] == 1
    )


def _table(first: int, count: int) -> Predictions:
    logits = np.random.default_rng(first).normal(size=(count, 3))
    return from_logits(
        logits,
        np.arange(count) % 3,
        "abc",
        examples=[str(first + row) for row in range(count)],
        dimensions=np.full((count, 2), 8),
        data="digits",
        fingerprint="f",
        split="test",
    )


def test_the_folds_tables_are_one() -> None:
    first, second = _table(0, 4), _table(4, 3)
    both = out_of_fold([first, second], "all")
    assert (both.split, both.size, both.data, both.fingerprint) == ("folds", 7, "digits", "all")
    assert both.examples.tolist() == list("0123456")
    np.testing.assert_array_equal(both.by_class[:4], first.by_class)
    np.testing.assert_array_equal(both.losses[4:], second.losses)
