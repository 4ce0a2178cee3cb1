"""What a sweep keeps among its artifacts at its end: its ranking, as a table and as pictures."""

from __future__ import annotations

import warnings
from typing import Any

from kerascnn import tracking
from kerascnn.table_files import write_csv, write_json
from kerascnn.tracking import ActiveSweep
from kerascnn.tuning.pictures import draw_sweep
from kerascnn.tuning.results import SweepResults


def ranking_rows(results: SweepResults) -> list[dict[str, Any]]:
    """Returns the finished trials as rows of a table, the best first.

    Each has its rank, number, run and id, the objective by its own name, epochs, whether it was
    trained in full, parameters, MACs and seconds, and the values of the fields that were searched.
    """
    return [
        {
            "rank": place,
            "trial": trial.number,
            "run": trial.run.name,
            "id": trial.run.id,
            results.objective: trial.objective,
            "epochs": trial.run.text("training.epochs"),
            "full": trial.full,
            **{
                name: trial.run.metrics.get(name)
                for name in ("parameters", "macs", "trial_seconds")
            },
            **trial.values,
        }
        for place, trial in enumerate(results.ranking, start=1)
    ]


def keep_outcome(active: ActiveSweep, results: SweepResults) -> None:
    """Keeps ranking.csv, ranking.json and the pictures in a sweep, and says what it has found.

    Args:
        active: The sweep.
        results: What it has come to; nothing is kept where no trial has finished.

    Raises:
        UserError: If the store cannot be written.
    """
    if not results.ranking:
        return
    rows = ranking_rows(results)
    with tracking.new_files(active.id) as folder:
        write_csv(folder / "ranking.csv", list(rows[0]), [list(row.values()) for row in rows])
        write_json(folder / "ranking.json", rows)
        try:
            draw_sweep(results, folder)
        except Exception as error:  # of whatever kind: the search is worth more
            reason = str(error).strip().partition("\n")[0] or type(error).__name__
            warnings.warn(f"the sweep could not be drawn: {reason}", stacklevel=2)
    best = results.best
    found = f"{len(results.trials)} trials, {results.objective} {results.text(best)}"
    active.describe(found, best.run)
