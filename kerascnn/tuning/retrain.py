"""The winner of a sweep, trained anew on all but the test images, and only then scored on those."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from kerascnn.recipe import Recipe
from kerascnn.tracking import ActiveSweep, Run
from kerascnn.tracking.sweeps import SWEEP

if TYPE_CHECKING:
    from kerascnn.tuning.sweep import SweepResult


def winner_recipe(best: Run, seed: int) -> Recipe:
    """Returns a trial's recipe for training and validation images together.

    It is trained for as many epochs as were best with images to validate on (Goodfellow et al.
    2016, algorithm 7.2), and keeps its last weights.

    Args:
        best: The trial.
        seed: Of the training.
    """
    values = best.recipe.model_dump(mode="json")
    values["data"]["train_on_validation"] = True
    values["training"] |= {
        "seed": seed,
        "epochs": int(best.metrics["best_epoch"]),
        "keep": "last",
        "early_stopping": None,
        "threads": None,
    }
    return Recipe(**values)


def test_scores(runs: Sequence[Run], trial: int) -> list[float]:
    """Returns the test accuracies of a trial's trainings, of those that are finished."""
    done = [run for run in runs if run.status == "FINISHED"]
    return [run.metrics["test_accuracy"] for run in done if run.tags["trial"] == str(trial)]


def describe_winner(trial: int, scores: Sequence[float]) -> str:
    """Returns on one line what a winner has reached on the test images."""
    spread = f" (standard deviation {statistics.stdev(scores):.2%})" if len(scores) > 1 else ""
    seeds = f"{len(scores)} seed{'s' if len(scores) > 1 else ''}"
    return f"winner: trial {trial}, test accuracy {statistics.fmean(scores):.2%}{spread}, {seeds}"


def retrain(
    active: ActiveSweep, result: SweepResult, seeds: int, report: Callable[[str], None]
) -> None:
    """Trains the winner with several seeds and scores each once on the test images.

    Runs that are finished from before the sweep was resumed stay.

    Args:
        active: The sweep.
        result: What it has come to.
        seeds: Number of trainings.
        report: Called with each line for the user.
    """
    from kerascnn.experiment import train

    assert result.best is not None
    trial = int(result.best.params["trial"])
    report(f"retraining trial {trial} on training and validation images, {seeds} seeds")
    scores = test_scores(result.retrained, trial)
    first = result.best.recipe.training.seed
    for index in range(len(scores), seeds):
        trained = train(
            winner_recipe(result.best, first + index),
            name=f"{active.name}-winner-{trial}-seed-{first + index}",
            report=report,
        )
        if trained.run.status == "KILLED":
            raise KeyboardInterrupt
        active.tag({SWEEP: active.id, "trial": str(trial)}, trained.run.id)
        scores.append(trained.scores["test"].accuracy)
    report(describe_winner(trial, scores))
    active.log_metrics({"test_accuracy": statistics.fmean(scores)})
