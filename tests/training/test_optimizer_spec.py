"""Optimizer and schedule specs: what is filled in, and what is refused."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from kerascnn.errors import UserError
from kerascnn.recipe import Recipe, load_recipe
from kerascnn.training.optimizer_spec import OptimizerSpec

DIGITS = {"model": {"name": "mlp"}, "data": {"name": "digits"}}
SCHEDULES: dict[str, dict[str, Any]] = {
    "constant": {},
    "step": {"at": [3, 5]},
    "plateau": {"drops": 3},
    "cosine": {"warmup": 2},
    "linear": {"until": 10, "final": 0.01},
    "polynomial": {},
    "exponential": {"every": 8, "staircase": True},
    "one-cycle": {"peak": 0.2},
}


@pytest.mark.parametrize("name", SCHEDULES)
def test_a_resolved_schedule_reads_as_itself(name):
    recipe = load_recipe({**DIGITS, "optimizer": {"schedule": {"name": name, **SCHEDULES[name]}}})
    assert Recipe(**yaml.safe_load(recipe.to_yaml())) == recipe


@pytest.mark.parametrize("name", OptimizerSpec.names())
def test_a_resolved_optimizer_reads_as_itself_and_has_only_its_own_fields(name):
    recipe = load_recipe(DIGITS, [f"optimizer.name={name}"])
    assert Recipe(**yaml.safe_load(recipe.to_yaml())) == recipe
    assert (recipe.optimizer.momentum is not None) == (name in ("sgd", "muon"))
    assert (recipe.optimizer.weight_decay > 0) == (name in ("adamw", "muon"))


def test_a_bare_schedule_name_stands_for_its_defaults():
    bare = load_recipe(DIGITS, ["optimizer.schedule=cosine"])
    assert bare == load_recipe(DIGITS, ["optimizer.schedule.name=cosine"])
    changed = load_recipe(DIGITS, ["optimizer.schedule=cosine", "optimizer.schedule.warmup=2"])
    assert changed.optimizer.schedule.warmup == 2


def test_multipliers_keep_their_order_through_yaml():
    multipliers = {"fc*": 0.5, "*/bias": 2.0, "a*": 1.0}
    recipe = load_recipe({**DIGITS, "optimizer": {"learning_rate_multipliers": multipliers}})
    again = Recipe(**yaml.safe_load(recipe.to_yaml()))
    assert list(again.optimizer.learning_rate_multipliers.items()) == list(multipliers.items())


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (["optimizer.momentum=0.9"], r"^optimizer.momentum: got 0.9, but the optimizer adam has "),
        (["optimizer.nesterov=true"], r"^optimizer.nesterov: got True, .* \(only sgd, muon\)"),
        (
            ["optimizer={name: sgd, momentum: 0, nesterov: true}"],
            r"^optimizer.nesterov: needs a momentum above 0$",
        ),
        (
            ["optimizer={name: sgd, momentum_start: 0.5}"],
            r"momentum_start and momentum_ramp: go together, only one is set",
        ),
        (
            ["optimizer={name: sgd, momentum: 0, momentum_start: 0.5, momentum_ramp: 3}"],
            r"^optimizer.momentum_start: needs a momentum above 0 to grow to$",
        ),
        (["optimizer={clip_norm: 1, clip_value: 1}"], r"clip_norm and clip_value: only one of"),
        (["optimizer.ema=1"], r"^optimizer.ema: got 1, should be less than 1$"),
        (["optimizer.accumulation=0"], r"^optimizer.accumulation: got 0, should be greater"),
        (["optimizer.learning_rate_multipliers={fc: -1}"], r"multipliers.fc: got -1, should be"),
        (["optimizer.schedule=step"], r"^optimizer.schedule.at: is required by the schedule 'st"),
        (
            ["optimizer.schedule={name: step, at: []}"],
            r"^optimizer.schedule.at: got \[\], must name at least one time, in increasing order$",
        ),
        (["optimizer.schedule={name: step, at: [5, 3]}"], r"schedule.at: got \[5.0, 3.0\], must"),
        (["optimizer.schedule.at=[3]"], r"at: got \[3\], but the schedule plateau .*\(only step\)"),
        (
            ["optimizer.schedule={name: one-cycle, warmup: 3}"],
            r"^optimizer.schedule.warmup: got 3, but the schedule one-cycle has none",
        ),
        (["optimizer.schedule.warmup=21"], r"warmup: got 21 epochs, the run has only 20$"),
        (
            ["model.name=lenet5-1998", "training.label_smoothing=0.1"],
            r"^training.label_smoothing: lenet5-1998 is trained with the distance to one class",
        ),
        (
            ["model.name=lenet5-1998", "augment.operations=[cutmix]"],
            r"^augment: lenet5-1998 is trained with the distance to one class's code",
        ),
        (["model.name=lenet5-1998", "augment.operations=[mixup]"], r"^augment: lenet5-1998 is"),
    ],
)
def test_contradictions_are_refused_with_the_reason(settings, message):
    with pytest.raises(UserError, match=message) as raised:
        load_recipe(DIGITS, settings)
    assert "\n" not in str(raised.value)
