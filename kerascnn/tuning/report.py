"""A sweep as a page: the ranking, and its pictures."""

from __future__ import annotations

import base64

from kerascnn.arithmetic.table import short
from kerascnn.report.page import render
from kerascnn.report.recipe_table import recipe_table
from kerascnn.report.run_report import duration, heading_of
from kerascnn.text import shown
from kerascnn.tuning.pictures import sweep_figures
from kerascnn.tuning.results import SweepResults, Trial
from kerascnn.visualization.writing import png_of

_TITLES = {
    "objective": "The objective, trial by trial",
    "parallel": "Each trial as a line through its values",
    "hyperparameters": "The objective over each field",
    "costs": "Validation accuracy against what the networks cost",
}


def sweep_report(results: SweepResults) -> str:
    """Returns the page of a sweep, also of one that is still running.

    Raises:
        UserError: If no trial has finished.
    """
    best = results.best
    # The most important field first, as `kerascnn sweeps show` has it.
    fields = list(results.importance.shares) if results.importance else results.space.searched
    seconds = sum(trial.run.metrics.get("trial_seconds", 0.0) for trial in results.ranking)
    failed = results.count("FAILED")
    return render(
        "sweep.html",
        f"{shown(results.run.name)}: report",
        {},
        heading=heading_of(results.run),
        objective=results.objective,
        best=results.text(best),
        best_number=best.number,
        tiles=[
            (
                "trials",
                str(len(results.trials)),
                f"{len(results.ranking)} finished, {failed} failed",
            ),
            ("time", duration(seconds), "of the finished trials, one after the other"),
            ("parameters", short(best.run.metrics["parameters"]), "of the best trial’s network"),
        ],
        winner=results.winner,
        fields=[shown(name) for name in fields],
        ranking=[
            _row(results, rank, trial, fields) for rank, trial in enumerate(results.ranking, 1)
        ],
        pictures=[
            (_TITLES[name], _address(png_of(figure)))
            for name, figure in sweep_figures(results).items()
        ],
        failures=[
            (trial.number, shown(trial.error))
            for trial in results.trials
            if trial.run.status == "FAILED"
        ],
        recipe=recipe_table(best.run.recipe),
    )


def _row(
    results: SweepResults, rank: int, trial: Trial, fields: list[str]
) -> list[tuple[object, str]]:
    """Returns a trial's cells, each what it is sorted by and what is shown."""
    metrics = trial.run.metrics
    epochs = trial.run.text("training.epochs")
    costs = [(metrics[name], short(metrics[name])) for name in ("parameters", "macs")]
    return [
        (rank, str(rank)),
        (trial.number, str(trial.number)),
        (trial.objective, results.text(trial)),
        (epochs, epochs if trial.full else f"{epochs} (part)"),
        *costs,
        (metrics["trial_seconds"], f"{metrics['trial_seconds']:.0f}"),
        *((shown(trial.values[name] or ""), shown(trial.text(name))) for name in fields),
    ]


def _address(png: bytes) -> str:
    return f"data:image/png;base64,{base64.b64encode(png).decode('ascii')}"
