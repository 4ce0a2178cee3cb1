"""A recipe as params: those that somebody chose are in the store, all of them in a run."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import Any

import yaml

from kerascnn.recipe import Recipe, load_recipe
from kerascnn.tracking.long_tags import long_value

RECIPE = "kerascnn.recipe"  # tags: a plain run's recipe, in parts

# Fields that say which recipe it is, and those that runs are compared by, as they are by default
# too.
NAMES = ("model.name", "data.name", "optimizer.name", "optimizer.schedule.name")
_COMPARED = ("optimizer.learning_rate", "training.batch_size", "training.epochs", "training.seed")
_OWN = ("name", "description")  # of the recipe, not of what it trains


def flat(values: Mapping[str, Any], prefix: str = "") -> dict[str, str]:
    """Returns nested values by dotted name: {"training": {"epochs": 3}} -> training.epochs."""
    result: dict[str, str] = {}
    for key, value in values.items():
        if _is_section(value):
            result.update(flat(value, f"{prefix}{key}."))
        else:
            result[f"{prefix}{key}"] = _text(value)
    return result


def _is_section(value: Any) -> bool:
    """Whether a value is flattened further: MLflow has no patterns in its names."""
    return isinstance(value, Mapping) and all(map(str.isidentifier, value))


def _text(value: Any) -> str:
    if isinstance(value, list | tuple | Mapping):
        text: str = yaml.safe_dump(value, default_flow_style=True, sort_keys=False)
        return text.strip()
    return "null" if value is None else str(value)


def flat_recipe(recipe: Recipe) -> dict[str, str]:
    """Returns a recipe's fields by dotted name, as a run's params have them."""
    return flat(recipe.model_dump(mode="json", exclude=set(_OWN)))


def flat_defaults(recipe: Recipe) -> dict[str, str]:
    """Returns the fields that a recipe would have with its four NAMES alone.

    Raises:
        UserError: If the recipe's own network is not there any more.
    """
    plain = load_recipe(
        {
            "model": {"name": recipe.model.name},
            "data": {"name": recipe.data.name},
            "optimizer": {
                "name": recipe.optimizer.name,
                "schedule": {"name": recipe.optimizer.schedule.name},
            },
        }
    )
    return flat_recipe(plain)


def chosen(recipe: Recipe) -> dict[str, str]:
    """Returns the fields that say something: names, what runs are compared by, and what is set."""
    defaults, always = flat_defaults(recipe), (*NAMES, *_COMPARED)
    return {
        name: value
        for name, value in flat_recipe(recipe).items()
        if name in always or defaults.get(name) != value
    }


class Params(Mapping[str, str]):
    """The params of a run in the store, and the fields of its recipe that are not among them.

    The recipe is read when one of its fields is asked for that is not in the store.

    Args:
        stored: By name.
        tags: Of the run; they hold its recipe.
    """

    def __init__(self, stored: Mapping[str, str], tags: Mapping[str, str]):
        self._stored, self._tags = stored, tags

    @cached_property
    def _recipe(self) -> dict[str, Any]:
        """The recipe, nested; empty where all of it is in the store: of a trial, or version 0.1."""
        try:
            recipe = long_value(RECIPE, self._tags)
        except KeyError:
            return {}
        return {name: value for name, value in recipe.items() if name not in _OWN}

    @cached_property
    def _all(self) -> dict[str, str]:
        return flat(self._recipe) | dict(self._stored)

    @property
    def stored(self) -> Mapping[str, str]:
        """Those that are in the store."""
        return self._stored

    def __getitem__(self, name: str) -> str:
        if name in self._stored:
            return self._stored[name]
        if "." not in name:  # only a recipe's fields have a section
            raise KeyError(name)
        value: Any = self._recipe
        for part in name.split("."):  # not all of it, of thousands of runs, for one field
            if not _is_section(value) or part not in value:
                raise KeyError(name)
            value = value[part]
        if _is_section(value):
            raise KeyError(name)
        return _text(value)

    def __iter__(self) -> Iterator[str]:
        return iter(self._all)

    def __len__(self) -> int:
        return len(self._all)


def is_chosen(params: Mapping[str, str], name: str, value: str) -> bool:
    """Whether a field has a value that is not its default: those are all in the store.

    Args:
        params: Of a run; its recipe is not read.
        name: Of the field.
        value: That it may have.
    """
    return (params.stored if isinstance(params, Params) else params).get(name) == value
