"""Recipes: everything that decides a training run, in frozen, validated specs.

One recipe goes the whole way: YAML file, command line, training, MLflow run, saved model.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, SerializeAsAny, model_validator

from kerascnn.augment.spec import AugmentSpec
from kerascnn.data.spec import DataSpec
from kerascnn.errors import UserError, unknown
from kerascnn.files import has_folder
from kerascnn.models.backbones import is_backbone
from kerascnn.models.kerashub import check_preset, is_preset
from kerascnn.models.registry import Loss
from kerascnn.models.spec import ModelSpec, known_names
from kerascnn.models.weights.published import IMAGENET, published, with_options
from kerascnn.spec import Named, Spec, SpecError, allowed_values
from kerascnn.training.optimizer_spec import OptimizerSpec
from kerascnn.training.spec import TrainSpec
from kerascnn.yaml_reader import Document, parse_yaml, read_yaml


class Recipe(Spec):
    """Everything that decides a run."""

    name: str | None = None
    description: str = ""
    model: SerializeAsAny[ModelSpec]
    data: DataSpec
    augment: AugmentSpec = AugmentSpec()
    optimizer: SerializeAsAny[OptimizerSpec] = OptimizerSpec(name="adam")
    training: TrainSpec = TrainSpec()

    @property
    def soft_labels(self) -> bool:
        """Whether labels are trained as probabilities (B, classes) rather than classes (B,)."""
        return self.augment.soft_labels or self.training.label_smoothing > 0

    @property
    def loss(self) -> Loss:
        """What is trained on the logits: the recipe's choice, or the network's own."""
        return self.training.loss or self.model.entry.loss

    @model_validator(mode="after")
    def _labels_agree(self) -> Recipe:
        if self.data.labels == "one":
            return self
        if self.model.entry.loss == "map":
            raise UserError(
                f"data.labels: {self.model.name} answers with the distance to one class's code, "
                "and with several labels an image each is answered by itself: take another network"
            )
        if self.training.loss == "focal":
            raise UserError(
                "training.loss: got 'focal', with several labels an image binary cross-entropy is "
                "trained: leave it out"
            )
        for field in ("class_weights", "costs"):
            if getattr(self.training, field):
                raise UserError(
                    f"training.{field}: is of one label an image, and data.labels says several: "
                    "leave it out"
                )
        return self

    @model_validator(mode="after")
    def _agrees(self) -> Recipe:
        if self.soft_labels and self.loss == "map":
            cause = "training.label_smoothing" if self.training.label_smoothing else "augment"
            raise UserError(
                f"{cause}: {self.model.name} is trained with the distance to one class's code, "
                "which mixed or smoothed labels do not have: leave out mixup, cutmix and smoothing"
            )
        if self.data.train_on_validation and (
            self.training.keep == "best" or self.training.early_stopping
        ):
            raise UserError(
                "data.train_on_validation: leaves no images to choose an epoch by; give "
                "training.keep=last and training.early_stopping=null too"
            )
        if self.data.folds is not None and self.training.continue_from is not None:
            raise UserError(
                "data.folds: leave it out: the run of training.continue_from has been trained on "
                "images of every fold"
            )
        warmup, epochs = self.optimizer.schedule.warmup or 0, self.training.epochs
        if self.optimizer.schedule.unit == "epochs" and epochs is not None:
            left = epochs - self.training.head_epochs
            if 0 < left < warmup:
                raise UserError(
                    f"optimizer.schedule.warmup: got {warmup:g} epochs, the run has only {left}"
                )
        return self

    def with_training(self, **fields: Any) -> Recipe:
        """Returns the recipe with other fields in `training`."""
        return self.model_copy(update={"training": self.training.model_copy(update=fields)})

    def suiting(self, needed: Mapping[str, Any], source: str) -> Recipe:
        """Returns the recipe with what the weights need that it starts from.

        Args:
            needed: Options of the network, as `with_options` takes them.
            source: Of the weights, in words.

        Raises:
            UserError: If it has chosen something else.
        """
        model, data = with_options(self.model, needed, source), self.data
        if model.options["normalization"] == "imagenet":
            data = _in_colour(data, f"the weights of {source} are")
        return self.model_copy(update={"model": model, "data": data})

    def to_yaml(self) -> str:
        """Returns the fully resolved recipe, every default written out."""
        return yaml.safe_dump(self.model_dump(mode="json"), sort_keys=False, allow_unicode=True)


def recipe_folder() -> Traversable:
    """Returns the folder of the recipes that ship."""
    return files("kerascnn") / "recipes"


def recipe_names() -> list[str]:
    """Returns the names of the recipes that ship, sorted."""
    names = (path.name for path in recipe_folder().iterdir())
    return sorted(name.removesuffix(".yaml") for name in names if name.endswith(".yaml"))


def names_recipe(source: object) -> bool:
    """Whether something is the path of a .yaml file, or the name of a recipe and of no network."""
    if not isinstance(source, str | Path):
        return False
    if Path(source).suffix in (".yaml", ".yml"):
        return True
    return str(source) in recipe_names() and str(source) not in known_names()


def recipe_values(
    source: str | Path, *, model: str | Mapping[str, Any] | None = None, data: str | None = None
) -> dict[str, Any]:
    """Returns the values of a recipe, not checked, with another network or for other data.

    Args:
        source: The name of a recipe that ships, or the path of a .yaml file.
        model: The name of a network, or its name and options, that take the recipe's place.
        data: The name of a data set. All else that the recipe says of data stays, but for images
            that it names.

    Raises:
        UserError: If there is no such recipe.
    """
    values = dict(_read(source).values)
    if model is not None:
        values["model"] = model
    if data is not None:
        given = values.get("data")
        kept = dict(given) if isinstance(given, Mapping) else {}
        values["data"] = {**kept, "name": data, "test": None, "fix_list": None}
    return values


def _read(source: str | Path) -> Document:
    path = Path(source)
    if path.suffix in (".yaml", ".yml"):
        document = read_yaml(path, "recipe")
    elif str(source) in recipe_names():
        text = (recipe_folder() / f"{source}.yaml").read_text(encoding="utf-8")
        where = f"recipe {source}"
        document = Document(parse_yaml(text, where), where, text)
    else:
        hint = "'kerascnn recipes' lists them"
        if str(source) in known_names():
            hint += f"; {source} is a network, which needs a data set too"
        raise unknown("recipe", str(source), recipe_names(), hint=hint)
    if not isinstance(document.values, dict):
        raise UserError(f"recipe {path}: must be a mapping with model: and data:")
    return replace(document, values={"name": path.stem, **document.values})


# Parts that a bare name may stand for, and the field that the name then is.
_BARE = {
    "data": "name",
    "augment": "preset",
    "schedule": "name",
    "optimizer": "name",
    "model": "name",
}

# What the command line and Python call the fields that they have a word for.
FLAT = {
    "epochs": "training.epochs",
    "steps": "training.steps",
    "time_limit": "training.time_limit",
    "batch_size": "training.batch_size",
    "precision": "training.precision",
    "device": "training.device",
    "threads": "training.threads",
    "weights": "training.initialize",
    "init": "training.initialize",
    "continue_from": "training.continue_from",
    "freeze": "training.freeze",
    "snapshots": "training.snapshots",
    "seed": "training.seed",
    "deterministic": "training.deterministic",
    "optimizer": "optimizer.name",
    "learning_rate": "optimizer.learning_rate",
    "test": "data.test",
    "labels": "data.labels",
    "folds": "data.folds",
    "image_size": "data.image_size",
    "cache": "data.cache",
    "balance": "data.balance",
    "skip_broken": "data.skip_broken",
    "augment": "augment",
}


def with_fields(values: Mapping[str, Any], fields: Mapping[str, Any]) -> dict[str, Any]:
    """Returns a copy of a recipe's raw values with fields, by dotted name, set in order.

    Raises:
        UserError: If a name goes through something that is not a mapping.
    """
    changed: dict[str, Any] = copy.deepcopy(dict(values))
    for path, value in fields.items():
        *parents, last = path.split(".")
        target = changed
        for parent in parents:
            if isinstance(target.get(parent), str) and parent in _BARE:
                target[parent] = {_BARE[parent]: target[parent]}
            target = target.setdefault(parent, {})
            if not isinstance(target, dict):
                raise UserError(f"{path}: {parent} has no fields of its own")
        target[last] = value
    return changed


def override(values: Mapping[str, Any], settings: Iterable[str]) -> dict[str, Any]:
    """Returns a copy of a recipe's raw values with `a.b=value` settings applied in order.

    Raises:
        UserError: If a setting has no '=' or goes through something that is not a mapping.
    """
    changed = dict(values)
    for setting in settings:
        path, separator, text = setting.partition("=")
        if not separator or not path.strip():
            raise UserError(f"--set {setting}: must be field=value, such as training.epochs=5")
        value = parse_yaml(text, f"--set {setting}")
        try:
            changed = with_fields(changed, {path.strip(): value})
        except UserError as error:
            raise UserError(f"--set {setting}: {str(error).partition(': ')[2]}") from None
    return changed


def changed_values(
    values: Mapping[str, Any], settings: Iterable[str] = (), **fields: Any
) -> dict[str, Any]:
    """Returns a copy of a recipe's raw values with what `load_recipe` is given beside them.

    Raises:
        UserError: For an unknown option, or a setting that cannot be applied.
    """
    for name in fields:
        if name not in FLAT:
            hint = "settings=['FIELD=VALUE'] reaches every field"
            raise unknown("option", name, FLAT, hint=hint)
    given = {FLAT[name]: value for name, value in fields.items() if value is not None}
    return override(with_fields(values, given), settings)


def load_recipe(
    source: Recipe | str | Path | Mapping[str, Any],
    settings: Iterable[str] = (),
    *,
    data: str | None = None,
    model: str | Mapping[str, Any] | None = None,
    **fields: Any,
) -> Recipe:
    """Reads and validates a recipe, without importing TensorFlow.

    Args:
        source: The name of a recipe that ships, the path of a .yaml file, the raw values, a recipe
            to change, or with `data`, the name of a network.
        settings: Overrides such as "optimizer.learning_rate=0.05", as on the command line.
        data: Name of the data set, where `source` is a network; with a recipe, instead of its own.
        model: With a recipe, a network instead of its own, as `recipe_values` takes it.
        **fields: Overrides by the words of the command line, such as `learning_rate=0.05`; applied
            before the settings. None leaves a field alone.

    Raises:
        UserError: For an unknown recipe, field or name, or an impossible value.
    """
    document = None
    if isinstance(source, str | Path) and (
        model is not None or (data is not None and names_recipe(source))
    ):
        values: dict[str, Any] = recipe_values(source, model=model, data=data)
    elif data is not None:
        if not isinstance(source, str):
            raise UserError(
                f"with data set '{data}' the first name must be a network's or a recipe's"
            )
        values = {"model": {"name": source}, "data": {"name": data}}
    elif isinstance(source, Recipe):
        values = source.model_dump(mode="json")
    elif isinstance(source, Mapping):
        values = dict(source)
    else:
        document = _read(source)
        values = document.values
    changed = changed_values(values, settings, **fields)
    try:
        return _resolved(Recipe(**changed))
    except SpecError as error:
        if document is None or changed != values:  # else what is wrong stands in the file
            raise
        raise document.located(error) from None


def _in_colour(data: DataSpec, what: str) -> DataSpec:
    """Returns the spec of data whose grey images get three equal channels."""
    if data.colour == "grey":
        raise UserError(
            f"data.colour: got 'grey', but {what} for three channels: leave it out, grey images "
            "are then repeated"
        )
    return data.model_copy(update={"colour": "rgb"})


def _resolved(recipe: Recipe) -> Recipe:
    try:
        recipe = recipe.model_copy(update={"model": recipe.model.resolved()})
    except SpecError as error:
        raise SpecError([fault.below("model") for fault in error.faults]) from None
    if is_preset(recipe.model.name):
        check_preset(recipe.model.name)
    if is_backbone(recipe.model.name) or is_preset(recipe.model.name):
        data = _in_colour(recipe.data, f"{recipe.model.name} is")
        recipe = recipe.model_copy(update={"data": data})
    if recipe.training.initialize == IMAGENET:
        return recipe.suiting(published(recipe.model.name).options, "ImageNet")
    return recipe


def check_recipe_path(path: Path, what: str) -> None:
    """Refuses a path that no recipe can be written to, before there is one.

    Args:
        path: The path of the file to be.
        what: It is, for the message.

    Raises:
        UserError: If it does not end in .yaml, or its folder is missing.
    """
    if path.suffix not in (".yaml", ".yml"):
        raise UserError(f"{what} {path}: must end in .yaml")
    if not has_folder(path):
        raise UserError(f"{what} {path}: there is no folder {path.parent}")


@dataclass(frozen=True)
class RecipeField:
    """A field that every recipe has.

    Attributes:
        name: Dotted.
        default: As YAML; empty where it is required.
        allowed: The values that it takes, in words.
        about: What it is.
    """

    name: str
    default: str
    allowed: str
    about: str


def recipe_fields() -> list[RecipeField]:
    """Returns every field of a recipe, without those that only one network or operation has."""
    return _fields_of(Recipe, "")


def _fields_of(spec: type[BaseModel], prefix: str) -> list[RecipeField]:
    found = []
    for name, info in spec.model_fields.items():
        inner = info.annotation
        if isinstance(inner, type) and issubclass(inner, BaseModel):
            found += _fields_of(inner, f"{prefix}{name}.")
            continue
        value, required = info.get_default(call_default_factory=True), info.is_required()
        if issubclass(spec, Named) and name == "name":
            value, required = spec.usual, spec.usual is None
        text = "" if required else yaml.safe_dump(value, default_flow_style=True)
        found.append(
            RecipeField(
                f"{prefix}{name}",
                text.removesuffix("\n...\n").strip(),
                allowed_values(spec, name),
                info.description or "",
            )
        )
    return found
