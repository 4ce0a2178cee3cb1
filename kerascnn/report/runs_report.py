"""Several runs beside each other, as a page."""

from __future__ import annotations

from collections.abc import Sequence

from kerascnn.metrics import followed
from kerascnn.report.comparison import Comparison
from kerascnn.report.page import number, render
from kerascnn.report.run_report import curves_of
from kerascnn.text import shown
from kerascnn.tracking import Run


def runs_report(comparison: Comparison) -> str:
    """Returns the page of two runs or more: what differs, what came out, the learning curves."""
    names = _names(comparison.runs)
    data = {
        "curves": [
            {"name": name, "history": curves_of(run)}
            for name, run in zip(names, comparison.runs, strict=True)
        ],
        "accuracies": [
            [name, *_accuracy(run)]
            for name, run in zip(names, comparison.runs, strict=True)
            if "test_accuracy" in run.metrics
        ],
    }
    runs = [
        {"name": name, "id": run.id[:8]} for name, run in zip(names, comparison.runs, strict=True)
    ]
    return render(
        "runs.html",
        "report",
        data,
        runs=runs,
        figure=followed(name for run in comparison.runs for name in run.metrics),
        accuracies=bool(data["accuracies"]),
        differences=[list(map(shown, row)) for row in comparison.differences],
        results=[list(map(shown, row)) for row in comparison.results if any(row[1:])],
    )


def _names(runs: Sequence[Run]) -> list[str]:
    """Returns the names of runs, each with its id where another one has the same."""
    plain = [shown(run.name) for run in runs]
    return [
        name if plain.count(name) == 1 else f"{name} {run.id[:8]}"
        for name, run in zip(plain, runs, strict=True)
    ]


def _accuracy(run: Run) -> list[float | None]:
    values = (run.metrics.get(f"test_accuracy{end}") for end in ("", "_low", "_high"))
    return [None if value is None else number(value, 6) for value in values]
