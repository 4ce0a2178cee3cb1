"""What a command works on: MODEL and DATASET, or a --recipe."""

from __future__ import annotations

from typing import Any

from kerascnn.errors import UserError


def recipe_source(
    command: str, model: str | None, dataset: str | None, recipe: str | None
) -> str | dict[str, Any]:
    """Returns what `load_recipe` takes.

    Args:
        command: Its name, for the message.
        model: The argument MODEL.
        dataset: The argument DATASET.
        recipe: The option --recipe.

    Raises:
        UserError: If neither is given whole, or both.
    """
    if recipe and (model or dataset):
        raise UserError(f"{command} takes MODEL and DATASET, or --recipe NAME, not both")
    if recipe:
        return recipe
    if model and dataset:
        return {"model": {"name": model}, "data": {"name": dataset}}
    raise UserError(
        f"{command} needs MODEL and DATASET ('kerascnn {command} lenet5 digits'), or --recipe NAME"
    )
