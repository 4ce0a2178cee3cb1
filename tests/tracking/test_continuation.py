"""The recipe of a run that goes on from another one."""

from __future__ import annotations

from pathlib import Path

import pytest

from kerascnn import tracking
from kerascnn.errors import UserError
from kerascnn.recipe import Recipe
from kerascnn.tracking.continuation import continued_recipe, run_to_continue


def test_the_recipe_is_the_old_one_with_changes(trained: Path) -> None:
    first = run_to_continue("first")
    recipe = continued_recipe(first, ["training.seed=3"], learning_rate=1e-4, continue_from="first")
    old = first.recipe
    assert recipe.training.continue_from == first.id
    assert recipe.training.seed == 3
    assert recipe.optimizer.learning_rate == 1e-4
    assert (recipe.model, recipe.data) == (old.model, old.data)
    assert recipe.training.epochs == old.training.epochs == 3
    limited = continued_recipe(first, time_limit="10m")
    assert (limited.training.epochs, limited.training.time_limit) == (None, 600)


def test_the_head_is_trained_already(trained: Path) -> None:
    first = run_to_continue("first")
    values = first.recipe.model_dump(mode="json")
    values["training"] |= {"initialize": "second", "head_epochs": 2}
    first.__dict__["recipe"] = Recipe(**values)
    training = continued_recipe(first).training
    assert (training.initialize, training.head_epochs) == (None, 0)


def test_one_length_takes_the_place_of_all(trained: Path) -> None:
    first = run_to_continue("first")
    training = continued_recipe(first, steps=5).training
    assert (training.epochs, training.steps, training.time_limit) == (None, 5, None)


def test_a_run_that_is_being_trained_is_refused(workplace: Path) -> None:
    from kerascnn.recipe import load_recipe

    with (
        tracking.start_run(load_recipe("digits-quick"), "busy", {}, {}),
        pytest.raises(UserError, match="run busy is being trained: go on from it when it has"),
    ):
        run_to_continue("busy")
    with pytest.raises(UserError, match="unknown run 'bsy': did you mean busy"):
        run_to_continue("bsy")
