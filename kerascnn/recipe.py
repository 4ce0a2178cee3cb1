"""Recipes: everything that decides a training run, in frozen, validated specs.

One recipe goes the whole way: YAML file, command line, training, MLflow run, saved model.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import (
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    field_validator,
    model_validator,
)

from kerascnn.augmentation import AugmentSpec
from kerascnn.data.sources import parse
from kerascnn.errors import UserError, unknown
from kerascnn.optimization import OptimizerSpec, ScheduleSpec
from kerascnn.registry import model_entry
from kerascnn.spec import Spec, describe

__all__ = [
    "AugmentSpec",
    "DataSpec",
    "ModelSpec",
    "OptimizerSpec",
    "Recipe",
    "ScheduleSpec",
    "TrainSpec",
    "load_recipe",
    "override",
    "recipe_folder",
    "recipe_names",
]

Size = Annotated[
    tuple[Annotated[int, Field(ge=1)], Annotated[int, Field(ge=1)]],
    BeforeValidator(lambda value: (value, value) if isinstance(value, int) else value),
]


class ModelSpec(Spec):
    """A network by its registered name; its builder's options are fields beside the name."""

    model_config = ConfigDict(extra="allow", frozen=True)

    name: str

    @model_validator(mode="before")
    @classmethod
    def _resolve_options(cls, values: Any) -> Any:
        if not isinstance(values, Mapping) or not isinstance(values.get("name"), str):
            return values
        entry = model_entry(values["name"])
        given = {key: value for key, value in values.items() if key != "name"}
        try:
            options = entry.options.model_validate(given)
        except ValidationError as error:
            raise describe(error, list(entry.options.model_fields)) from None
        return {"name": entry.name, **options.model_dump()}

    @property
    def options(self) -> dict[str, Any]:
        """Every option of the builder, defaults filled in."""
        return dict(self.__pydantic_extra__ or {})


class DataSpec(Spec):
    """Which images, at which size, and how they are split."""

    name: str = Field(description="digits, a TFDS name such as mnist, folder:PATH or csv:PATH")
    image_size: Size | None = Field(None, description="(height, width); the data's own if unset")
    resize: Literal["crop", "stretch", "pad"] = Field(
        "crop", description="to image_size: cut out the centre, ignore the aspect, or pad"
    )
    colour: Literal["auto", "grey", "rgb"] = Field("auto", description="auto: the data's own")
    validation_fraction: float = Field(0.1, gt=0, lt=1, description="cut from the training split")
    test_fraction: float = Field(0.15, gt=0, lt=1, description="where the data has no test split")
    split_seed: int = Field(0, ge=0)
    balance: Literal["none", "weights", "oversample"] = Field(
        "none", description="make up for classes of different size: in the loss, or in the batches"
    )
    skip_broken: bool = Field(False, description="leave unreadable files out instead of stopping")
    cache: Literal["auto", "memory", "disk", "none"] = Field(
        "auto", description="where decoded images are kept; auto: in memory if within the budget"
    )
    memory_budget: float | None = Field(
        None, gt=0, description="GiB of decoded images; a quarter of the free memory if unset"
    )
    shuffle_buffer: int = Field(
        10_000, ge=1, description="examples; only TFDS sets that are streamed need one"
    )

    @field_validator("name")
    @classmethod
    def _known(cls, name: str) -> str:
        parse(name)
        return name


class TrainSpec(Spec):
    """How long, how much at once, and from which random state."""

    epochs: int = Field(20, ge=1)
    batch_size: int = Field(128, ge=1)
    seed: int = Field(0, ge=0)
    deterministic: bool = Field(False, description="bit-equal repeats on one machine; slower")
    auxiliary_weight: float = Field(0.3, ge=0, description="of the loss of auxiliary heads")
    label_smoothing: float = Field(
        0.0, ge=0, lt=1, description="share of a label spread over all classes; training only"
    )
    early_stopping: int | None = Field(8, ge=1, description="epochs of patience; null: never")


class Recipe(Spec):
    """Everything that decides a run."""

    name: str | None = None
    description: str = ""
    model: ModelSpec
    data: DataSpec
    augment: AugmentSpec = AugmentSpec()
    optimizer: OptimizerSpec = OptimizerSpec()
    training: TrainSpec = TrainSpec()

    @property
    def soft_labels(self) -> bool:
        """Whether labels are trained as probabilities (B, classes) rather than classes (B,)."""
        return self.augment.soft_labels or self.training.label_smoothing > 0

    @model_validator(mode="after")
    def _agrees(self) -> Recipe:
        if self.soft_labels and model_entry(self.model.name).loss == "map":
            cause = "training.label_smoothing" if self.training.label_smoothing else "augment"
            raise UserError(
                f"{cause}: {self.model.name} is trained with the distance to one class's code, "
                "which mixed or smoothed labels do not have: leave out mixup, cutmix and smoothing"
            )
        warmup = self.optimizer.schedule.warmup or 0
        if self.optimizer.schedule.unit == "epochs" and warmup > self.training.epochs:
            raise UserError(
                f"optimizer.schedule.warmup: got {warmup:g} epochs, "
                f"the run has only {self.training.epochs}"
            )
        return self

    def to_yaml(self) -> str:
        """Returns the fully resolved recipe, every default written out."""
        return yaml.safe_dump(self.model_dump(mode="json"), sort_keys=False, allow_unicode=True)


def recipe_folder() -> Path:
    """Returns the folder of the recipes that ship (in the package `pipelines`, not imported)."""
    spec = importlib.util.find_spec("pipelines")
    if spec is None or spec.origin is None:
        raise UserError("the recipes that ship are not installed: reinstall the package kerascnn")
    return Path(spec.origin).parent / "recipes"


def recipe_names() -> list[str]:
    """Returns the names of the recipes that ship, sorted."""
    return sorted(path.stem for path in recipe_folder().glob("*.yaml"))


def _read(source: str | Path) -> dict[str, Any]:
    path = Path(source)
    if path.suffix not in (".yaml", ".yml"):
        if str(source) not in recipe_names():
            raise unknown(
                "recipe", str(source), recipe_names(), hint="'kerascnn recipes' lists them"
            )
        path = recipe_folder() / f"{source}.yaml"
    try:
        values = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UserError(f"recipe {path}: {error.strerror}") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise UserError(f"recipe {path}: not YAML: {' '.join(str(error).split())}") from None
    if not isinstance(values, dict):
        raise UserError(f"recipe {path}: must be a mapping with model: and data:")
    return {"name": path.stem, **values}


# Parts that a bare name may stand for, and the field that the name then is.
_BARE = {"augment": "preset", "schedule": "name"}


def override(values: Mapping[str, Any], settings: Iterable[str]) -> dict[str, Any]:
    """Returns a copy of a recipe's raw values with `a.b=value` settings applied in order.

    Raises:
        UserError: If a setting has no '=' or goes through something that is not a mapping.
    """
    changed: dict[str, Any] = yaml.safe_load(yaml.safe_dump(dict(values)))
    for setting in settings:
        path, separator, text = setting.partition("=")
        if not separator or not path.strip():
            raise UserError(f"--set {setting}: must be field=value, such as training.epochs=5")
        *parents, last = path.strip().split(".")
        target = changed
        for parent in parents:
            if isinstance(target.get(parent), str) and parent in _BARE:
                target[parent] = {_BARE[parent]: target[parent]}
            target = target.setdefault(parent, {})
            if not isinstance(target, dict):
                raise UserError(f"--set {setting}: {parent} has no fields of its own")
        try:
            target[last] = yaml.safe_load(text)
        except yaml.YAMLError as error:
            raise UserError(f"--set {setting}: {' '.join(str(error).split())}") from None
    return changed


def load_recipe(source: str | Path | Mapping[str, Any], settings: Iterable[str] = ()) -> Recipe:
    """Reads and validates a recipe, without importing TensorFlow.

    Args:
        source: The name of a recipe that ships, the path of a .yaml file, or the raw values.
        settings: Overrides such as "optimizer.learning_rate=0.05", as on the command line.

    Raises:
        UserError: For an unknown recipe, field or name, or an impossible value.
    """
    values = dict(source) if isinstance(source, Mapping) else _read(source)
    return Recipe(**override(values, settings))
