"""The folds of a cross-validation in the store: nested runs of the run that they are folds of.

A fold is tagged `kerascnn.kind=fold` and `fold` with its number, from 1; its parent is a plain run,
which has the last network, or the trial of a sweep.
"""

from __future__ import annotations

from kerascnn.tracking.runs import KIND, Run, list_runs

_PARENT = "mlflow.parentRunId"
_NUMBER = "fold"


def fold_tags(parent: str, number: int) -> dict[str, str]:
    """Returns what tells a fold's run from others.

    Args:
        parent: The id of the run that it is a fold of.
        number: From 1.
    """
    return {KIND: "fold", _PARENT: parent, _NUMBER: str(number)}


def folds_of(run_id: str) -> dict[int, Run]:
    """Returns the folds of a run that there are, by number; none of one without folds."""
    found = sorted(fold_runs(run_id), key=lambda fold: fold.started)
    return {int(fold.tags[_NUMBER]): fold for fold in found}


def fold_runs(run_id: str) -> list[Run]:
    """Returns the runs of a run's folds: of a trial of a sweep one fold may have several."""
    return list_runs(kind="fold", tags={_PARENT: run_id})
