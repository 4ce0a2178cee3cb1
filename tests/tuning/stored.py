"""A sweep as the tracking code stores it."""

from __future__ import annotations

import numpy as np

from kerascnn import tracking
from kerascnn.recipe import Recipe, load_recipe
from kerascnn.tuning.builtin import builtin_space
from kerascnn.tuning.ranges import Choice, Integers, Value, as_text
from kerascnn.tuning.space import SpaceSpec
from kerascnn.tuning.spec import SweepSpec


def _draw(space: SpaceSpec, random: np.random.Generator) -> dict[str, Value]:
    values: dict[str, Value] = {}
    for name, range_ in space.ranges.items():
        if isinstance(range_, Choice):
            values[name] = as_text(range_.values[random.integers(len(range_.values))])
        else:
            low, high = range_.points
            drawn = np.exp(random.uniform(*np.log([max(low, 1e-6), high])))
            values[name] = round(drawn) if isinstance(range_, Integers) else float(drawn)
    return values


def score(recipe: Recipe, random: np.random.Generator) -> float:
    """A made-up accuracy that depends on the learning rate and batch norm, and on chance."""
    options = recipe.model.options
    error = 0.004 + 0.06 * np.log10(recipe.optimizer.learning_rate / 2e-3) ** 2
    error += 0.006 * (not options["batch_norm"]) + 0.012 / options["filters"]
    return float(1 - error * random.uniform(0.95, 1.05))


def store_sweep() -> None:
    """Stores the sweep "wide": 16 trials finished, 1 failed, 1 running."""
    random = np.random.default_rng(3)
    recipe = load_recipe({"model": {"name": "convnet"}, "data": {"name": "digits"}})
    space = builtin_space("convnet")
    values = {
        "recipe": recipe.model_dump(mode="json"),
        "space": space.model_dump(mode="json"),
        "sweep": SweepSpec(trials=18, max_epochs=6).model_dump(mode="json"),
    }
    sweep = tracking.create_sweep("wide", recipe, values, {})
    for number in range(1, 19):
        full = number % 4 != 0
        trial = space.apply(recipe, _draw(space, random))
        trial = load_recipe(trial.model_dump(mode="json"), [f"training.epochs={6 if full else 2}"])
        run = sweep.start_trial(number, trial, {"kerascnn.full": str(full).lower()}, {})
        if number == 5:
            sweep.end_trial(run, error="ResourceExhaustedError: out of memory")
        elif number < 18:
            accuracy = score(trial, random) - 0.01 * (not full)
            options = trial.model.options
            size = options["filters"] ** 2 * options["convolutions"] * options["stages"]
            run.log_metrics(
                {
                    "objective": accuracy,
                    "validation_accuracy": accuracy,
                    "validation_loss": 3 * (1 - accuracy),
                    "parameters": 9 * size + 10_000,
                    "macs": 9 * size * 64 / options["stages"],
                    "trial_seconds": 3.0,
                }
            )
            sweep.end_trial(run)
