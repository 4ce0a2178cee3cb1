"""What a sweep searches: a range for each of some fields of a recipe.

Nothing here imports TensorFlow, except where a network must be built to know whether it can be.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, field_serializer, model_validator

from kerascnn.errors import UserError, unknown
from kerascnn.models.build import build_model
from kerascnn.models.spec import ModelSpec
from kerascnn.recipe import Recipe, load_recipe
from kerascnn.spec import Spec, SpecError
from kerascnn.tuning.ranges import Choice, Fixed, Range, Value, as_text
from kerascnn.yaml_reader import read_yaml

if TYPE_CHECKING:
    import keras_tuner

_COMPARABLE = "trials are compared on the same images"
_NOT_SEARCHED = {
    "data.name": _COMPARABLE,
    "data.test": _COMPARABLE,
    "data.folds": _COMPARABLE,
    "data.fold": _COMPARABLE,
    "data.validation_fraction": _COMPARABLE,
    "data.test_fraction": _COMPARABLE,
    "data.split_seed": _COMPARABLE,
    "data.train_fraction": "hyperband sets it",
    "data.train_on_validation": _COMPARABLE,
    "training.epochs": "--max-epochs bounds them",
    "training.seed": "--executions trains with several",
    "name": "it names the recipe",
    "description": "it describes the recipe",
}


class SpaceSpec(Spec):
    """The ranges of the fields that are searched, by the fields' dotted names.

    A condition (`when`) may name only fields that come before its own.
    """

    ranges: Mapping[str, Range]

    @model_validator(mode="before")
    @classmethod
    def _read(cls, values: Any) -> Any:
        given = values.get("ranges")
        if not isinstance(given, Mapping) or not given:
            raise UserError("a space must be a mapping such as model.filters: {int: [16, 64]}")
        ranges: dict[str, Range] = {}
        for field, value in given.items():
            try:
                ranges[field] = Range.of(value)
                _check_condition(field, ranges)
            except UserError as error:
                raise UserError(f"space field {field}: {error}") from None
        if all(isinstance(range_, Fixed) for range_ in ranges.values()):
            raise UserError("a space of one point: every field is fixed, nothing is searched")
        return {"ranges": ranges}

    @field_serializer("ranges")
    def _as_read(self, ranges: Mapping[str, Range]) -> dict[str, Any]:
        return {
            name: range_.model_dump(mode="json", by_alias=True, exclude_defaults=True)
            for name, range_ in ranges.items()
        }

    @property
    def searched(self) -> list[str]:
        """Names of the fields that are not fixed."""
        return [name for name, range_ in self.ranges.items() if not isinstance(range_, Fixed)]

    def to_yaml(self) -> str:
        """Returns the space in the form that `load_space` reads."""
        ranges = self.model_dump(mode="json")["ranges"]
        return "".join(f"{name}: {as_text(range_)}\n" for name, range_ in ranges.items())

    def hyperparameters(self) -> keras_tuner.HyperParameters:
        """Returns the space as KerasTuner has it."""
        from keras_tuner import HyperParameters

        space = HyperParameters()
        for name, range_ in self.ranges.items():
            with ExitStack() as scopes:
                for field, wanted in self._conditions(name).items():
                    texts = [as_text(value) for value in wanted]
                    parent = self.ranges[field]
                    if not isinstance(parent, Fixed):
                        values = texts if isinstance(parent, Choice) else list(wanted)
                        scopes.enter_context(space.conditional_scope(field, values))
                range_.declare(space, name)
        return space

    def settings(self, values: Mapping[str, Value]) -> list[str]:
        """Returns the `field=value` overrides that make a trial's recipe out of the sweep's.

        Args:
            values: The values of the hyperparameters, as KerasTuner draws them; those of fields
                whose condition does not hold are left out.
        """
        chosen: dict[str, str] = {}
        for name, range_ in self.ranges.items():
            if all(
                chosen.get(field) in [as_text(value) for value in wanted]
                for field, wanted in range_.when.items()
            ):
                value = range_.value if isinstance(range_, Fixed) else values[name]
                text = isinstance(range_, Choice)
                chosen[name] = str(value) if text else as_text(value)
        return [f"{name}={text}" for name, text in chosen.items()]

    def apply(self, recipe: Recipe, values: Mapping[str, Value]) -> Recipe:
        """Returns the recipe of a trial.

        Where a name changes (of the optimizer, say), its other fields start from the new name's
        defaults, unless the recipe differs from the old name's.

        Args:
            recipe: The recipe of the sweep.
            values: The values of the hyperparameters, as KerasTuner draws them.

        Raises:
            UserError: If these values do not go together.
        """
        return _apply(recipe, self.settings(values))

    def validate_against(self, recipe: Recipe) -> None:
        """Checks that every value, on its own, is one that the recipe takes.

        Raises:
            UserError: For an unknown field, one that cannot be searched, or a refused value.
        """
        known = self._fields(recipe)
        for name, range_ in self.ranges.items():
            if name in _NOT_SEARCHED:
                raise UserError(f"space field {name}: cannot be searched, {_NOT_SEARCHED[name]}")
            if name not in known:
                parts = [field for field in known if field.startswith(f"{name}.")]
                if parts:
                    raise UserError(f"space field {name}: has fields of its own, {parts[0]}, ...")
                raise unknown("space field", name, known)
            needed = [
                f"{field}={as_text(wanted[0])}" for field, wanted in self._conditions(name).items()
            ]
            for value in range_.points:
                text = as_text(value)
                try:
                    _apply(recipe, [*needed, f"{name}={text}"])
                except UserError as error:
                    raise UserError(f"space field {name}: {text} is refused: {error}") from None

    def _conditions(self, name: str) -> dict[str, tuple[Any, ...]]:
        """Returns the conditions of a field, those of its conditions first."""
        result: dict[str, tuple[Any, ...]] = {}
        for field, wanted in self.ranges[name].when.items():
            result |= {**self._conditions(field), field: wanted}
        return result

    def _fields(self, recipe: Recipe) -> list[str]:
        """Returns the names of the fields of a recipe, with every network's that is searched."""
        fields = _leaves(recipe.model_dump(mode="json"))
        networks = self.ranges.get("model.name")
        for network in networks.points if networks else ():
            fields += _leaves(ModelSpec(name=network).model_dump(), "model.")
        return list(dict.fromkeys(fields))


def _leaves(values: Mapping[str, Any], prefix: str = "") -> list[str]:
    names: list[str] = []
    for key, value in values.items():
        nested = isinstance(value, Mapping)
        names += _leaves(value, f"{prefix}{key}.") if nested else [f"{prefix}{key}"]
    return names


def _check_condition(field: str, ranges: Mapping[str, Range]) -> None:
    before = [name for name in ranges if name != field]
    for name, wanted in ranges[field].when.items():
        if name not in before:
            raise UserError(
                f"when names '{name}', which is no field of the space before it"
                + (f" ({', '.join(before)})" if before else "")
            )
        for value in wanted:
            if not ranges[name].holds(value):
                raise UserError(f"when names {name}: {as_text(value)}, which it never has")


def _given(spec: BaseModel) -> dict[str, Any]:
    """Returns the fields in which a spec differs from what its name alone would give."""
    key = next((key for key in ("name", "preset") if key in type(spec).model_fields), None)
    named: dict[str, Any] = {key: getattr(spec, key)} if key else {}
    try:
        default = type(spec)(**named)
    except ValueError:  # its name alone does not do
        return spec.model_dump(mode="json")
    values = spec.model_dump(mode="json")
    differing = {
        name: _given(value) if isinstance(value, BaseModel) else values[name]
        for name, value in spec
        if value != getattr(default, name)
    }
    return {**named, **differing}


def _apply(recipe: Recipe, settings: list[str]) -> Recipe:
    parts = {name: value for name, value in recipe if isinstance(value, BaseModel)}
    values = recipe.model_dump(mode="json", exclude=set(parts))
    return load_recipe(values | {name: _given(part) for name, part in parts.items()}, settings)


def load_space(path: str | Path) -> SpaceSpec:
    """Reads a space from a YAML file: a range for each field, by its dotted name.

    Raises:
        UserError: If it cannot be read, or is not a space.
    """
    document = read_yaml(path, "space")
    try:
        return SpaceSpec(ranges=document.values)
    except SpecError as error:
        raise document.located(error) from None


def buildable(recipe: Recipe, image_shape: tuple[int, int, int], classes: int) -> str | None:
    """Returns why a recipe's network cannot be built for such images; None where it can.

    Args:
        recipe: The recipe of a trial.
        image_shape: (height, width, channels).
        classes: Number of classes.
    """
    if recipe.model.name == "convnet":  # halved by each stage, so nothing need be built
        stages, side = recipe.model.options["stages"], min(image_shape[:2])
        most = side.bit_length() - 1
        return f"at most {most} stages fit {side} pixels, not {stages}" if stages > most else None
    try:
        build_model(recipe.model, input_shape=image_shape, classes=classes, abstract=True)
    except UserError as error:
        return str(error)
    return None
