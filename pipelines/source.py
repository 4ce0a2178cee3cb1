"""What a command works on: MODEL and DATASET, or a --recipe."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from kerascnn.errors import UserError

from . import completion


def source_options(example: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Gives a command MODEL, DATASET, --recipe and --set.

    Args:
        example: The example of a field to set, for the help.
    """

    def decorate(command: Callable[..., Any]) -> Callable[..., Any]:
        for option in (
            click.option(
                "--set",
                "settings",
                multiple=True,
                metavar="FIELD=VALUE",
                shell_complete=completion.settings,
                help=f"Override any field, such as {example}; may be repeated.",
            ),
            click.option(
                "--recipe",
                "recipe_name",
                metavar="NAME",
                shell_complete=completion.recipes,
                help="A recipe that ships, or a .yaml file.",
            ),
            click.argument("dataset", required=False, shell_complete=completion.datasets),
            click.argument("model", required=False, shell_complete=completion.models),
        ):
            command = option(command)
        return command

    return decorate


def replaced_parts(model: str | None, dataset: str | None) -> tuple[str | None, str | None]:
    """Returns the network and the data that a recipe is to have instead of its own.

    Args:
        model: The argument MODEL; what is given alone and is no network, but data or a folder, is
            DATASET.
        dataset: The argument DATASET.
    """
    from kerascnn.data.sources import names_data
    from kerascnn.models.spec import known_names

    if model is None or dataset is not None or model in known_names():
        return model, dataset
    return (None, model) if names_data(model) or Path(model).is_dir() else (model, None)


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
        from kerascnn.data.sources import names_data
        from kerascnn.models.registry import models

        if model not in models() and names_data(model) and dataset in models():
            raise UserError(
                f"{command} takes MODEL first, then DATASET: kerascnn {command} {dataset} {model}"
            )
        return {"model": {"name": model}, "data": {"name": dataset}}
    raise UserError(
        f"{command} needs MODEL and DATASET ('kerascnn {command} lenet5 digits'), or --recipe NAME"
    )
