"""The folds of a cross-validation in the store: nested runs of the run that has the last network.

A fold is tagged `kerascnn.kind=fold` and `fold` with its number, from 1; its parent is a plain run.
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
    found = list_runs(kind="fold", condition=f"tags.`{_PARENT}` = '{run_id}'")
    return {int(fold.tags[_NUMBER]): fold for fold in sorted(found, key=lambda fold: fold.started)}
