"""How long a run trains, how much at once, on what and from which state: the part of a recipe."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from kerascnn.duration import Seconds
from kerascnn.errors import UserError
from kerascnn.spec import Spec

LARGEST_BATCH = 2**20
MOST_STEPS = 10**12  # of anything that is counted
LARGEST_SEED = 2**32 - 1  # that NumPy takes
EVERY_LAYER = ("*",)


def _batch_size(value: Any) -> Any:
    if value == "auto":
        return value
    if not isinstance(value, bool) and str(value).isdecimal() and len(str(value)) < 10:
        number = int(value)
        if 1 <= number <= LARGEST_BATCH:
            return number
    raise UserError(f"got {value!r}, must be a whole number from 1 to {LARGEST_BATCH}, or auto")


def _device(value: str) -> str:
    if re.fullmatch(r"auto|cpu|gpu(:\d+)?", value):
        return value
    raise UserError(f"got '{value}', must be auto, cpu, gpu or gpu:NUMBER")


BatchSize = Annotated[int | Literal["auto"], BeforeValidator(_batch_size)]


Weight = Annotated[float, Field(gt=0, le=10**6)]
Cost = Annotated[float, Field(ge=0, le=10**6)]
DeviceName = Annotated[str, AfterValidator(_device)]


class TrainSpec(Spec):
    """How long, how much at once, on what, and from which state.

    The run ends at whichever of `epochs`, `steps` and `time_limit` comes first.
    """

    epochs: int | None = Field(
        None, ge=1, le=MOST_STEPS, description="20 where neither steps nor time_limit is given"
    )
    steps: int | None = Field(
        None, ge=1, le=MOST_STEPS, description="batches trained on, over all epochs"
    )
    time_limit: Seconds | None = Field(
        None, description="seconds or such as 10m, validation included; schedules are fitted to it"
    )
    batch_size: BatchSize = Field(
        128, description="auto: the largest sensible one that fits into memory"
    )
    precision: Literal["auto", "float32", "mixed_bfloat16", "mixed_float16"] = Field(
        "auto", description="auto: mixed bfloat16 where the network gains from it"
    )
    device: DeviceName = Field(
        "auto",
        description="auto: the first GPU, or the CPU",
        json_schema_extra={"enum": ["auto", "cpu", "gpu", "gpu:N"]},
    )
    threads: int | None = Field(
        None, ge=1, le=4096, description="of the processor; all unless given"
    )
    initialize: str | None = Field(
        None,
        description="imagenet, preset (of KerasHub), a .keras or .weights.h5 file, or a run, whose "
        "weights the layers of the same name and shape start from",
    )
    initialize_layers: tuple[str, ...] = Field(
        EVERY_LAYER, min_length=1, description="which layers may, by name, with * and ?"
    )
    continue_from: str | None = Field(
        None,
        description="a run that this one goes on from: its weights, and its optimizer where a "
        "checkpoint has it",
    )
    freeze: tuple[str, ...] = Field((), description="layers to keep as they are, with * and ?")
    head_epochs: int = Field(
        0,
        ge=0,
        le=MOST_STEPS,
        description="epochs at first that train the head alone, at the full learning rate: the "
        "last layer, and those that initialize leaves new; the schedule begins after them",
    )
    seed: int = Field(0, ge=0, le=LARGEST_SEED)
    deterministic: bool = Field(False, description="bit-equal repeats on one machine; slower")
    auxiliary_weight: float = Field(
        0.3, ge=0, le=1000, description="of the loss of auxiliary heads"
    )
    label_smoothing: float = Field(
        0.0, ge=0, lt=1, description="share of a label spread over all classes; training only"
    )
    loss: Literal["crossentropy", "focal"] | None = Field(
        None, description="on the logits; the network's own if unset"
    )
    focal_gamma: float = Field(
        2.0, ge=0, le=100, description="of the focal loss: how little images count that are right"
    )
    class_weights: dict[str, Weight] = Field(
        {}, description="of the loss of each image, by the name of its class; 1 unless given"
    )
    costs: dict[str, dict[str, Cost]] = Field(
        {},
        description="{true class: {answer: cost}} of errors, 1 unless given: the expected cost is "
        "added to the loss; none if empty",
    )
    early_stopping: int | None = Field(
        8, ge=1, le=MOST_STEPS, description="epochs of patience; null: never"
    )
    monitor: Literal["loss", "accuracy"] = Field(
        "loss",
        description="of the validation images: what the best epoch and early_stopping go by",
    )
    keep: Literal["best", "last"] = Field(
        "best", description="the weights of the best epoch, see monitor, or the last ones"
    )
    checkpoint_minutes: float = Field(
        10.0,
        gt=0,
        description="between checkpoints within an epoch; the end of an epoch has its own too, "
        "unless writing them would take more than 1% of the time",
    )
    snapshots: int | None = Field(
        None,
        ge=1,
        le=MOST_STEPS,
        description="epochs from one set of weights that is kept to the next, the first before "
        "training, for `kerascnn visualize RUN evolution`; null: none",
    )

    @property
    def images_per_step(self) -> int:
        """The batch size, once it is a number."""
        assert self.batch_size != "auto", "see training.session"
        return self.batch_size

    @property
    def class_names(self) -> dict[str, list[str]]:
        """The classes that fields name, by field."""
        said = [answer for answers in self.costs.values() for answer in answers]
        return {
            "training.class_weights": list(self.class_weights),
            "training.costs": [*self.costs, *said],
        }

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
        if self.initialize is None and self.initialize_layers != EVERY_LAYER:
            raise UserError("initialize_layers: needs initialize, the weights to take them from")
        if self.initialize is None and self.head_epochs:
            raise UserError(
                "head_epochs: needs initialize, the weights of the layers that wait meanwhile"
            )
        if self.initialize is not None and self.continue_from is not None:
            raise UserError("continue_from: takes every weight of a run: leave initialize out")
        right = [name for name, answers in self.costs.items() if answers.get(name)]
        if right:
            raise UserError(f"costs: the right answer '{right[0]}' costs nothing: leave it out")
        if self.precision == "mixed_float16" and self.device == "cpu":
            raise UserError(
                "precision: mixed_float16 is for GPUs, got device cpu; give mixed_bfloat16"
            )
        return self
