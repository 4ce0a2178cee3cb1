"""A recipe as the fields that somebody has decided, and all others."""

from __future__ import annotations

from dataclasses import dataclass

from kerascnn.recipe import Recipe
from kerascnn.tracking.params import NAMES, flat_defaults, flat_recipe


@dataclass(frozen=True)
class RecipeTable:
    """The fields of a recipe, (name, value, default) each.

    Attributes:
        chosen: The names of network, data, optimizer and schedule, and every field that is not as
            it would be with those names alone.
        usual: All others.
    """

    chosen: list[tuple[str, str, str]]
    usual: list[tuple[str, str, str]]


def recipe_table(recipe: Recipe) -> RecipeTable:
    """Divides the fields of a recipe.

    Raises:
        UserError: If the recipe's own network is not there any more.
    """
    values, defaults = flat_recipe(recipe), flat_defaults(recipe)
    first = [(name, values[name], "") for name in NAMES]
    rest = [
        (name, value, defaults.get(name, "")) for name, value in values.items() if name not in NAMES
    ]
    return RecipeTable(
        [*first, *(row for row in rest if row[1] != row[2])],
        [row for row in rest if row[1] == row[2]],
    )


def table_of_params(params: dict[str, str]) -> RecipeTable:
    """Returns the fields as a run was tracked with, where its recipe cannot be read here."""
    return RecipeTable([(name, value, "") for name, value in params.items()], [])
