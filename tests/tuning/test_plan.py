"""From what an oracle proposes to the recipe of a trial."""

from __future__ import annotations

import json
from typing import Any

import pytest

from kerascnn.errors import UserError
from kerascnn.recipe import Recipe, load_recipe
from kerascnn.tuning.plan import FIRST_SHARE, Plan
from kerascnn.tuning.space import SpaceSpec
from kerascnn.tuning.spec import SweepSpec

SPACE = SpaceSpec(ranges={"model.stages": {"int": [1, 8]}})
ONE = {"model.stages": 1}


def _recipe(*settings: str) -> Recipe:
    return load_recipe({"model": {"name": "convnet"}, "data": {"name": "digits"}}, settings)


def _plan(*settings: str, **spec: Any) -> Plan:
    return Plan(_recipe(*settings), SPACE, SweepSpec(**spec))


def test_a_trial_has_the_proposed_values_and_the_recipes_others() -> None:
    plan = _plan("training.batch_size=32", "training.epochs=7")
    expected = _recipe("training.batch_size=32", "training.epochs=7", "model.stages=3")
    assert plan.trial({"model.stages": 3}) == expected


@pytest.mark.parametrize(
    ("settings", "spec", "epochs"),
    [
        (["training.epochs=7"], {}, 7),
        (["training.epochs=7"], {"max_epochs": 3}, 3),
        (["training.steps=9"], {}, 20),
    ],
)
def test_epochs_of_a_trial_in_full(settings: list[str], spec: dict, epochs: int) -> None:
    plan = _plan(*settings, **spec)
    assert plan.max_epochs == epochs
    assert plan.trial(ONE).training.epochs == epochs
    assert plan.trial(ONE).training.steps == plan.recipe.training.steps


def test_hyperbands_early_rounds_are_short_and_see_a_share_of_the_images() -> None:
    plan = _plan("data.train_fraction=0.6", max_epochs=9)
    early = {"model.stages": 2, "tuner/epochs": 3}
    assert not plan.is_full(early)
    assert plan.trial(early).training.epochs == 3
    assert plan.trial(early).data.train_fraction == pytest.approx(0.6 * FIRST_SHARE)
    late = {"model.stages": 2, "tuner/epochs": 9}
    assert plan.is_full(late)
    assert plan.is_full(ONE)
    assert plan.trial(late).data.train_fraction == 0.6


def test_threads_are_the_recipes_own_or_the_trials_share() -> None:
    assert _plan().trial(ONE, threads=3).training.threads == 3
    assert _plan("training.threads=2").trial(ONE, threads=3).training.threads == 2
    assert _plan().trial(ONE).training.threads is None


def test_what_cannot_be_built_for_the_data_is_told() -> None:
    plan = _plan()  # digits: 32 pixels, five stages
    assert plan.unbuildable({"model.stages": 5}) is None
    assert plan.unbuildable({"model.stages": 6}) == "at most 5 stages fit 32 pixels, not 6"
    small = _plan("data.image_size=8")
    assert small.unbuildable({"model.stages": 3}) is None
    assert "at most 3 stages" in (small.unbuildable({"model.stages": 4}) or "")
    assert "unknown data set" not in (plan.unbuildable({"model.stages": 1}) or "")


def test_values_that_do_not_go_together_are_told_or_raised() -> None:
    plan = _plan("optimizer.schedule={name: linear, warmup: 5}", max_epochs=9)
    short = {"model.stages": 1, "tuner/epochs": 3}
    assert "warmup: got 5 epochs, the run has only 3" in (plan.unbuildable(short) or "")
    with pytest.raises(UserError, match="the run has only 3"):
        plan.trial(short)


def test_a_plan_reads_back_from_what_is_stored() -> None:
    plan = _plan("training.epochs=7", tuner="grid", seed=3)
    again = Plan.of_values(json.loads(json.dumps(plan.to_values())))
    assert again.to_values() == plan.to_values()
    assert again.space == SPACE
    values = {"model.stages": 3}
    assert again.trial(values) == plan.trial(values)


@pytest.mark.parametrize(
    ("spec", "line"),
    [
        (
            {"tuner": "random", "trials": 5, "max_epochs": 3},
            "random search, 5 trials of up to 3 epochs, 1 at once",
        ),
        (
            {"tuner": "grid", "max_epochs": 3, "executions": 2, "workers": 4},
            "grid search, every point of the grid of up to 3 epochs, 2 trainings each, 4 at once",
        ),
        (
            {"trials": 9, "max_epochs": 6},
            "hyperband search, 9 trials of up to 6 epochs, 1 at once; the first rounds train "
            "briefly on 33% of the training images, the survivors anew for all 6 epochs on all "
            "of them",
        ),
        ({"trials": 9, "max_epochs": 2}, "hyperband search, 9 trials of up to 2 epochs, 1 at once"),
    ],
)
def test_what_will_be_done_on_one_line(spec: dict, line: str) -> None:
    assert _plan(**spec).describe() == line


def test_folds_are_of_every_trial() -> None:
    plan = _plan("data.folds=3", tuner="random", trials=2, max_epochs=4)
    assert plan.cross_validated
    assert plan.objective == "folds_accuracy"
    assert plan.describe() == "random search, 2 trials of up to 4 epochs, 3 folds each, 1 at once"
    assert plan.trial(ONE).data.folds == 3
    again = _plan("data.folds=3", tuner="random", trials=2, max_epochs=4, executions=2)
    assert ", 3 folds each of 2 trainings, 1 at once" in again.describe()
    one = _plan("data.folds=3", "data.fold=2")
    assert not one.cross_validated
    assert one.objective == "validation_accuracy"
