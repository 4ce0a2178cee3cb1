"""A new run that goes on where another one ended."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from kerascnn.errors import UserError
from kerascnn.recipe import Recipe, load_recipe
from kerascnn.tracking.runs import Run, load_run

CONTINUES = "continues"  # tag: the id of the run that this one goes on from

_ENDS = ("epochs", "steps", "time_limit")


def run_to_continue(reference: str) -> Run:
    """Finds a run that has ended.

    Args:
        reference: As `load_run` takes it.

    Raises:
        UserError: If there is none, or it is being trained.
    """
    run = load_run(reference)
    if run.status == "RUNNING":
        raise UserError(f"run {run.name} is being trained: go on from it when it has ended")
    return run


def continued_recipe(run: Run, settings: Iterable[str] = (), **fields: Any) -> Recipe:
    """Returns the recipe of a run that goes on from another one: that one's, with changes.

    Args:
        run: That has ended.
        settings: Overrides, as for `load_recipe`.
        **fields: Overrides, as for `load_recipe`. One of epochs, steps and time_limit takes the
            place of all three.

    Raises:
        UserError: As `load_recipe`.
    """
    values = run.recipe.model_dump(mode="json")
    values["training"] |= {
        "initialize": None,
        "initialize_layers": ["*"],
        "head_epochs": 0,
        "continue_from": run.id,
    }
    if any(fields.get(end) is not None for end in _ENDS):
        values["training"] |= dict.fromkeys(_ENDS)
    given = {name: value for name, value in fields.items() if name != "continue_from"}
    return load_recipe(values, settings, **given)
