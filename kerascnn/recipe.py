"""Recipes: everything that decides a training run, in frozen, validated specs.

One recipe goes the whole way: YAML file, command line, training, MLflow run, saved model.
"""

from __future__ import annotations

import copy
import importlib.util
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import (
    AfterValidator,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    field_validator,
    model_validator,
)

from kerascnn.augmentation import AugmentSpec
from kerascnn.data.sources import parse
from kerascnn.duration import Seconds
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


def _batch_size(value: Any) -> Any:
    if value == "auto" or (str(value).isdecimal() and int(value) >= 1):
        return value
    raise UserError(f"got {value!r}, must be a whole number from 1 on, or auto")


def _device(value: str) -> str:
    if re.fullmatch(r"auto|cpu|gpu(:\d+)?", value):
        return value
    raise UserError(f"got '{value}', must be auto, cpu, gpu or gpu:NUMBER")


BatchSize = Annotated[int | Literal["auto"], BeforeValidator(_batch_size)]
DeviceName = Annotated[str, AfterValidator(_device)]


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
    train_fraction: float = Field(
        1.0, gt=0, le=1, description="of the training images that are used, the same of each class"
    )
    train_on_validation: bool = Field(
        False, description="train on the validation images too, once nothing is left to choose"
    )
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
    """How long, how much at once, on what, and from which state.

    The run ends at whichever of `epochs`, `steps` and `time_limit` comes first.
    """

    epochs: int | None = Field(
        None, ge=1, description="20 where neither steps nor time_limit is given"
    )
    steps: int | None = Field(None, ge=1, description="batches trained on, over all epochs")
    time_limit: Seconds | None = Field(
        None, description="seconds or such as 10m, validation included; schedules are fitted to it"
    )
    batch_size: BatchSize = Field(
        128, description="auto: the largest sensible one that fits into memory"
    )
    precision: Literal["auto", "float32", "mixed_bfloat16", "mixed_float16"] = Field(
        "auto", description="auto: mixed bfloat16 where the network gains from it"
    )
    device: DeviceName = Field("auto", description="auto: the first GPU, or the CPU")
    threads: int | None = Field(None, ge=1, description="of the processor; all unless given")
    initialize: str | None = Field(
        None, description="a run whose weights the layers of the same name and shape start from"
    )
    initialize_layers: tuple[str, ...] = Field(
        ("*",), min_length=1, description="which layers may, by name, with * and ?"
    )
    freeze: tuple[str, ...] = Field((), description="layers to keep as they are, with * and ?")
    seed: int = Field(0, ge=0)
    deterministic: bool = Field(False, description="bit-equal repeats on one machine; slower")
    auxiliary_weight: float = Field(0.3, ge=0, description="of the loss of auxiliary heads")
    label_smoothing: float = Field(
        0.0, ge=0, lt=1, description="share of a label spread over all classes; training only"
    )
    early_stopping: int | None = Field(8, ge=1, description="epochs of patience; null: never")
    keep: Literal["best", "last"] = Field(
        "best", description="the weights of the epoch of lowest validation loss, or the last ones"
    )
    checkpoint_minutes: float = Field(
        10.0, gt=0, description="between checkpoints within an epoch; each epoch's end has its own"
    )

    @property
    def images_per_step(self) -> int:
        """The batch size, once it is a number."""
        assert self.batch_size != "auto", "see training.fit.settle_batch_size"
        return self.batch_size

    @model_validator(mode="before")
    @classmethod
    def _some_end(cls, values: Any) -> Any:
        if isinstance(values, Mapping) and not any(
            values.get(end) is not None for end in ("epochs", "steps", "time_limit")
        ):
            return {**values, "epochs": 20}
        return values

    @model_validator(mode="after")
    def _agrees(self) -> TrainSpec:
        if self.deterministic and self.time_limit is not None:
            raise UserError(
                "deterministic: cannot hold with time_limit, as no two runs have the same clock; "
                "give epochs or steps"
            )
        if self.initialize is None and self.initialize_layers != ("*",):
            raise UserError("initialize_layers: needs initialize, the run to take them from")
        if self.precision == "mixed_float16" and self.device == "cpu":
            raise UserError(
                "precision: mixed_float16 is for GPUs, got device cpu; give mixed_bfloat16"
            )
        return self


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
        if self.data.train_on_validation and (
            self.training.keep == "best" or self.training.early_stopping
        ):
            raise UserError(
                "data.train_on_validation: leaves no images to choose an epoch by; give "
                "training.keep=last and training.early_stopping=null too"
            )
        warmup, epochs = self.optimizer.schedule.warmup or 0, self.training.epochs
        if self.optimizer.schedule.unit == "epochs" and epochs is not None and warmup > epochs:
            raise UserError(
                f"optimizer.schedule.warmup: got {warmup:g} epochs, the run has only {epochs}"
            )
        return self

    def with_training(self, **fields: Any) -> Recipe:
        """Returns the recipe with other fields in `training`."""
        return self.model_copy(update={"training": self.training.model_copy(update=fields)})

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
    changed: dict[str, Any] = copy.deepcopy(dict(values))
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
