"""The winner's recipe for its last training; that training itself is in test_sweep.py."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from kerascnn.recipe import Recipe
from kerascnn.tracking.runs import Run
from kerascnn.tuning.results import load_results
from kerascnn.tuning.retrain import winner_recipe


@pytest.fixture
def best(wide: Path) -> Run:
    """The best trial of a sweep, whose best epoch was its fourth of six."""
    run = load_results("wide").best.run
    return dataclasses.replace(run, metrics={**run.metrics, "best_epoch": 4.0})


def test_all_but_the_test_images_for_as_many_epochs_as_were_best(best: Run) -> None:
    recipe = winner_recipe(best, seed=7)
    assert recipe.data.train_on_validation
    assert recipe.training.epochs == 4
    assert recipe.training.seed == 7


def test_there_is_no_epoch_to_choose_so_the_last_is_kept(best: Run) -> None:
    training = winner_recipe(best, seed=0).training
    assert (training.keep, training.early_stopping) == ("last", None)


def test_all_else_stays_and_threads_are_not_shared(best: Run) -> None:
    values = best.recipe.model_dump(mode="json")
    values["training"]["threads"] = 2
    shared = dataclasses.replace(best)
    shared.__dict__["recipe"] = Recipe(**values)
    recipe = winner_recipe(shared, seed=3).model_dump(mode="json")
    assert recipe["training"].pop("threads") is None
    for part, field in (
        ("data", "train_on_validation"), ("training", "seed"), ("training", "epochs"),
        ("training", "keep"), ("training", "early_stopping"),
    ):  # fmt: skip
        del recipe[part][field], values[part][field]
    del values["training"]["threads"]
    assert recipe == values
