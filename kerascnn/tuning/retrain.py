"""The winner of a sweep, trained anew on all but the test images, and only then scored on those."""

from __future__ import annotations

import statistics
from collections.abc import Callable

from kerascnn.evaluation.scores import Scores
from kerascnn.experiment import train
from kerascnn.recipe import Recipe
from kerascnn.tracking import ActiveSweep, Run
from kerascnn.tracking.sweeps import SWEEP
from kerascnn.tuning.results import SweepResults, accuracies, describe_winner


def winner_recipe(best: Run, seed: int) -> Recipe:
    """Returns a trial's recipe for training and validation images together.

    It is trained for as many epochs as were best with images to validate on (Goodfellow et al.
    2016, algorithm 7.2), and keeps its last weights.

    Args:
        best: The trial.
        seed: The seed of the training.
    """
    values = best.recipe.model_dump(mode="json")
    values["data"] |= {"train_on_validation": True, "folds": None, "fold": None}
    values["training"] |= {
        "seed": seed,
        "epochs": max(1, round(best.metrics["best_epoch"])),
        "keep": "last",
        "early_stopping": None,
        "threads": None,
    }
    return Recipe(**values)


def retrain(
    active: ActiveSweep, results: SweepResults, seeds: int, report: Callable[[str], None]
) -> None:
    """Trains the winner with several seeds and scores each once on the test images.

    Runs that are finished from before the sweep was resumed stay.

    Args:
        active: The sweep.
        results: What it has come to.
        seeds: Number of trainings.
        report: Called with each line for the user.
    """
    best = results.best_in_full
    assert best is not None
    trial = best.number
    report(f"retraining trial {trial} on training and validation images, {seeds} seeds")
    scores = accuracies(results.retrained, trial)
    first = best.run.recipe.training.seed
    for index in range(len(scores), seeds):
        trained = train(
            winner_recipe(best.run, first + index),
            name=f"{active.name}-winner-{trial}-seed-{first + index}",
            report=report,
        )
        if trained.run.status == "KILLED":
            raise KeyboardInterrupt
        active.tag({SWEEP: active.id, "trial": str(trial)}, trained.run.id)
        test = trained.scores["test"]
        assert isinstance(test, Scores), "sweeps are of one label an image"
        scores.append(test.accuracy)
    report(describe_winner(trial, scores))
    active.log_metrics({"test_accuracy": statistics.fmean(scores)})
