"""A sweep as pictures."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from kerascnn.errors import UserError
from kerascnn.tuning.results import SweepResults
from kerascnn.visualization.sweep import draw_costs, draw_history, draw_parallel, draw_slices
from kerascnn.visualization.writing import write_figure


def draw_sweep(results: SweepResults, folder: str | Path) -> list[Path]:
    """Draws a sweep: objective.png, parallel.png, hyperparameters.png and costs.png.

    Args:
        results: The results of the sweep.
        folder: To write to; made where it is missing.

    Returns:
        The pictures written.

    Raises:
        UserError: If no trial has finished, or the folder cannot be written.
    """
    figures = sweep_figures(results)
    folder = Path(folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"cannot write pictures to {folder}: {error.strerror}") from None
    for name, figure in figures.items():
        write_figure(figure, folder / f"{name}.png")
    return [folder / f"{name}.png" for name in figures]


def sweep_figures(results: SweepResults) -> dict[str, Figure]:
    """Returns the pictures of a sweep by name: objective, parallel, hyperparameters and costs.

    Raises:
        UserError: If no trial has finished.
    """
    results.best  # noqa: B018  (raises where there is nothing to draw)
    columns = [results.column(name, results.ranking) for name in results.space.searched]
    columns = [column for column in columns if not np.isnan(column.values).all()]
    shares = results.importance.shares if results.importance else {}
    trials = results.as_drawn
    # Accuracy, whatever the objective is, against what the networks cost.
    name = "folds_accuracy" if results.recipe.data.cross_validated else "validation_accuracy"
    accuracy, parameters, macs = (
        np.array([trial.run.metrics[figure] for trial in results.ranking])
        for figure in (name, "parameters", "macs")
    )
    accurate = replace(trials, scores=accuracy, name=name, maximize=True)
    return {
        "objective": draw_history(trials),
        "parallel": draw_parallel(trials, columns),
        "hyperparameters": draw_slices(trials, columns, shares),
        "costs": draw_costs(accurate, parameters, macs),
    }
