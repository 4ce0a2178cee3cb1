"""The optimizer of a recipe, and how its learning rate changes over the run.

Nothing here imports TensorFlow; `kerascnn.training.optimizers` and `.schedules` carry it out.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import Field, field_validator, model_validator

from kerascnn.errors import UserError
from kerascnn.spec import Spec

Positive = Annotated[float, Field(gt=0)]
Share = Annotated[float, Field(ge=0, le=1)]

_REQUIRED = object()
_WARMUP = {"warmup": 0.0, "start": 0.0, "warmup_shape": "linear"}

# The fields that a schedule has beside its name and unit, with their defaults.
_SCHEDULES: dict[str, dict[str, Any]] = {
    "constant": _WARMUP,
    "step": {"at": _REQUIRED, "factor": 0.1, **_WARMUP},
    "plateau": {"factor": 0.1, "patience": 3, "drops": None, **_WARMUP},
    "cosine": {"final": 0.0, "until": None, **_WARMUP},
    "linear": {"final": 0.0, "until": None, **_WARMUP},
    "polynomial": {"power": 0.5, "final": 0.0, "until": None, **_WARMUP},
    "exponential": {"factor": 0.96, "every": 1.0, "staircase": False, "final": 0.0, **_WARMUP},
    "one-cycle": {"start": 0.04, "peak": 0.3, "final": 0.0, "shape": "cosine"},
}

# The fields that only some optimizers have, and the defaults that differ between them.
_OPTIMIZERS: dict[str, dict[str, Any]] = {
    "sgd": {
        "learning_rate": 0.01,
        "momentum": 0.9,
        "nesterov": False,
        "momentum_start": None,
        "momentum_ramp": None,
    },
    "adam": {"learning_rate": 1e-3},
    "adamw": {"learning_rate": 1e-3, "weight_decay": 0.004},
    "lion": {"learning_rate": 1e-4},
    "muon": {"learning_rate": 1e-3, "momentum": 0.95, "nesterov": True, "weight_decay": 0.004},
}

_COMMON = ("learning_rate", "weight_decay")  # every optimizer has them, with other defaults


def _complete(
    values: Mapping[str, Any], kind: str, table: Mapping[str, Mapping[str, Any]]
) -> dict[str, Any]:
    """Fills in the fields of the kind that is named, and refuses those of the other kinds.

    A field that is None counts as not given, so that every resolved spec can be read again.
    """
    name = values["name"]
    given = {field: value for field, value in values.items() if value is not None}
    for field in given:
        having = [other for other, fields in table.items() if field in fields]
        if having and name not in having and field not in _COMMON:
            raise UserError(
                f"{field}: got {given[field]!r}, but the {kind} {name} has none "
                f"(only {', '.join(having)}): leave it out, or set it to null"
            )
    missing = [
        field
        for field, default in table[name].items()
        if default is _REQUIRED and field not in given
    ]
    if missing:
        raise UserError(f"{missing[0]}: is required by the {kind} '{name}'")
    return {**table[name], **given}


class ScheduleSpec(Spec):
    """How the learning rate changes over the run; a bare name stands for its defaults.

    Rates are shares of the optimizer's learning rate, which is the highest. A run that is refitted
    to another length keeps the schedule's form: all its times are stretched alike.
    """

    name: Literal[
        "constant",
        "step",
        "plateau",
        "cosine",
        "linear",
        "polynomial",
        "exponential",
        "one-cycle",
    ] = "plateau"
    unit: Literal["epochs", "steps"] = Field("epochs", description="of at, every, until and warmup")
    at: tuple[Positive, ...] | None = Field(None, description="step: when to multiply by factor")
    factor: float | None = Field(
        None, gt=0, lt=1, description="step, plateau, exponential: multiplies the learning rate"
    )
    patience: int | None = Field(
        None, ge=1, description="plateau: epochs without a better validation loss"
    )
    drops: int | None = Field(None, ge=1, description="plateau: at most so many")
    every: Positive | None = Field(None, description="exponential: time for one factor")
    staircase: bool | None = Field(None, description="exponential: whole factors only")
    power: Positive | None = Field(None, description="polynomial: final + (1 - t)^power")
    until: Positive | None = Field(
        None, description="cosine, linear, polynomial: when it is final; at the end if unset"
    )
    final: Share | None = Field(None, description="share of the learning rate at the end")
    peak: float | None = Field(
        None, gt=0, lt=1, description="one-cycle: share of the run at the highest rate"
    )
    shape: Literal["cosine", "linear"] | None = Field(
        None, description="one-cycle: of its two halves; linear is a triangle"
    )
    start: Share | None = Field(
        None, description="share of the learning rate that one-cycle or a warm-up starts from"
    )
    warmup: float | None = Field(None, ge=0, description="time until the full learning rate")
    warmup_shape: Literal["linear", "constant"] | None = None

    @model_validator(mode="before")
    @classmethod
    def _resolve(cls, values: Any) -> Any:
        if isinstance(values, str):
            values = {"name": values}
        if not isinstance(values, Mapping):
            return values
        values = {"name": cls.model_fields["name"].default, **values}
        known = values["name"] in _SCHEDULES
        return _complete(values, "schedule", _SCHEDULES) if known else values

    @field_validator("at")
    @classmethod
    def _increasing(cls, at: tuple[float, ...] | None) -> tuple[float, ...] | None:
        if at is not None and (not at or any(b <= a for a, b in itertools.pairwise(at))):
            raise UserError(f"got {list(at)}, must name at least one time, in increasing order")
        return at


class OptimizerSpec(Spec):
    """The optimizer, what bounds and shrinks the weights, and the schedule."""

    name: Literal["sgd", "adam", "adamw", "lion", "muon"] = "adam"
    learning_rate: float = Field(
        1e-3, gt=0, description="0.01 for sgd, 0.0001 for lion unless given"
    )
    momentum: float | None = Field(
        None, ge=0, lt=1, description="sgd (0.9 unless given) and muon (0.95)"
    )
    nesterov: bool | None = Field(None, description="sgd and muon")
    momentum_start: float | None = Field(
        None, ge=0, lt=1, description="sgd: grows linearly from here to momentum"
    )
    momentum_ramp: Positive | None = Field(None, description="sgd: epochs that this takes")
    l2: float = Field(
        0.0, ge=0, description="the papers' weight decay: adds l2 * w to the gradient of w"
    )
    weight_decay: float = Field(
        0.0, ge=0, description="decoupled; 0.004 for adamw and muon unless given"
    )
    decay: Literal["kernels", "all"] = Field(
        "kernels", description="what both shrink: kernels, or all but the slopes of PReLU"
    )
    max_norm: Positive | None = Field(
        None, description="bound on the length of each unit's incoming weights"
    )
    clip_norm: Positive | None = Field(None, description="bound on the norm of all gradients")
    clip_value: Positive | None = Field(None, description="bound on each gradient")
    accumulation: int = Field(1, ge=1, description="batches whose gradients make one update")
    ema: float | None = Field(
        None, gt=0, lt=1, description="share of the past in the average of the weights"
    )
    learning_rate_multipliers: dict[str, Annotated[float, Field(ge=0)]] = Field(
        default_factory=dict,
        description="by pattern of layer (conv*) or weight (*/bias); the first that matches",
    )
    schedule: ScheduleSpec = ScheduleSpec()

    @model_validator(mode="before")
    @classmethod
    def _resolve(cls, values: Any) -> Any:
        if not isinstance(values, Mapping):
            return values
        values = {"name": cls.model_fields["name"].default, **values}
        known = values["name"] in _OPTIMIZERS
        return _complete(values, "optimizer", _OPTIMIZERS) if known else values

    @model_validator(mode="after")
    def _agrees(self) -> OptimizerSpec:
        if self.nesterov and not self.momentum:
            raise UserError("nesterov: needs a momentum above 0")
        if (self.momentum_start is None) != (self.momentum_ramp is None):
            raise UserError("momentum_start and momentum_ramp: go together, only one is set")
        if self.momentum_start is not None and not self.momentum:
            raise UserError("momentum_start: needs a momentum above 0 to grow to")
        if self.clip_norm and self.clip_value:
            raise UserError("clip_norm and clip_value: only one of them can be set")
        return self
