"""The optimizer of a recipe, and how its learning rate changes over the run.

Nothing here imports TensorFlow; `kerascnn.training.optimizers` and `.schedules` carry it out.
"""

from __future__ import annotations

import itertools
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, SerializeAsAny, model_validator

from kerascnn.errors import UserError
from kerascnn.spec import Named

Positive = Annotated[float, Field(gt=0, le=1e12)]
Share = Annotated[float, Field(ge=0, le=1)]
Inner = Annotated[float, Field(gt=0, lt=1)]
Part = Annotated[float, Field(gt=0, le=1)]
Momentum = Annotated[float, Field(ge=0, lt=1)]
Rate = Annotated[float, Field(gt=0, le=3e38)]
Decay = Annotated[float, Field(ge=0, le=1e6)]
Time = Annotated[float, Field(ge=0, le=1e12)]


def _increasing(at: tuple[float, ...]) -> tuple[float, ...]:
    if not at or any(b <= a for a, b in itertools.pairwise(at)):
        raise UserError(f"got {list(at)}, must name at least one time, in increasing order")
    return at


Times = Annotated[tuple[Positive, ...], AfterValidator(_increasing)]


class ScheduleSpec(Named, what="schedule"):
    """How the learning rate changes over the run; a bare name stands for its defaults.

    Rates are shares of the optimizer's learning rate, which is the highest. A run that is refitted
    to another length keeps the schedule's form: all its times are stretched alike.
    """

    usual = "plateau"

    unit: Literal["epochs", "steps"] = Field("epochs", description="of at, every, until and warmup")
    at: Times | None = Field(None, description="step: when to multiply by factor")
    factor: Inner | None = Field(
        None, description="step, plateau, exponential: multiplies the learning rate"
    )
    patience: int | None = Field(
        None, ge=1, le=10**12, description="plateau: epochs without a better validation loss"
    )
    drops: int | None = Field(None, ge=1, le=10**12, description="plateau: at most so many")
    every: Positive | None = Field(None, description="exponential: time for one factor")
    staircase: bool | None = Field(None, description="exponential: whole factors only")
    power: Positive | None = Field(None, description="polynomial: final + (1 - t)^power")
    until: Positive | None = Field(
        None, description="cosine, linear, polynomial: when it is final; at the end if unset"
    )
    final: Share | None = Field(None, description="share of the learning rate at the end")
    peak: Inner | None = Field(None, description="one-cycle: share of the run at the highest rate")
    shape: Literal["cosine", "linear"] | None = Field(
        None, description="one-cycle: of its two halves; linear is a triangle"
    )
    start: Share | None = Field(
        None, description="share of the learning rate that one-cycle or a warm-up starts from"
    )
    warmup: Time | None = Field(None, description="time until the full learning rate")
    warmup_shape: Literal["linear", "constant"] | None = None


class _WithWarmup(ScheduleSpec):
    start: Share | None = 0.0
    warmup: Time | None = 0.0
    warmup_shape: Literal["linear", "constant"] | None = "linear"


class Constant(_WithWarmup, name="constant"):
    """The same all the time."""


class StepDown(_WithWarmup, name="step"):
    """Multiplied at given times."""

    at: Times | None
    factor: Inner | None = 0.1


class OnPlateau(_WithWarmup, name="plateau"):
    """Multiplied when the validation loss stops falling."""

    factor: Inner | None = 0.1
    patience: Annotated[int, Field(ge=1)] | None = 3
    drops: Annotated[int, Field(ge=1)] | None = None


class _Falling(_WithWarmup):
    final: Share | None = 0.0
    until: Positive | None = None


class Cosine(_Falling, name="cosine"):
    """Falls as half a cosine (Loshchilov and Hutter 2017, without restarts)."""


class Linear(_Falling, name="linear"):
    """Falls in a straight line."""


class Polynomial(_Falling, name="polynomial"):
    """Falls as a power of the time that is left."""

    power: Positive | None = 0.5


class Exponential(_WithWarmup, name="exponential"):
    """Multiplied again and again."""

    factor: Inner | None = 0.96
    every: Positive | None = 1.0
    staircase: bool | None = False
    final: Share | None = 0.0


class OneCycle(ScheduleSpec, name="one-cycle"):
    """Up, and down again (Smith and Topin 2018)."""

    start: Share | None = 0.04
    peak: Inner | None = 0.3
    final: Share | None = 0.0
    shape: Literal["cosine", "linear"] | None = "cosine"


class OptimizerSpec(Named, what="optimizer"):
    """The optimizer, what bounds and shrinks the weights, and the schedule."""

    usual = "adam"

    learning_rate: Rate = Field(1e-3, description="0.01 for sgd, 0.0001 for lion unless given")
    momentum: Momentum | None = Field(None, description="sgd (0.9 unless given) and muon (0.95)")
    nesterov: bool | None = Field(None, description="sgd and muon")
    momentum_start: Momentum | None = Field(
        None, description="sgd: grows linearly from here to momentum"
    )
    momentum_ramp: Positive | None = Field(None, description="sgd: epochs that this takes")
    l2: Decay = Field(0.0, description="the papers' weight decay: adds l2 * w to the gradient of w")
    weight_decay: Decay = Field(0.0, description="decoupled; 0.004 for adamw and muon unless given")
    decay: Literal["kernels", "all"] = Field(
        "kernels", description="what both shrink: kernels, or all but the slopes of PReLU"
    )
    max_norm: Positive | None = Field(
        None, description="bound on the length of each unit's incoming weights"
    )
    clip_norm: Positive | None = Field(None, description="bound on the norm of all gradients")
    clip_value: Positive | None = Field(None, description="bound on each gradient")
    accumulation: int = Field(
        1, ge=1, le=10**6, description="batches whose gradients make one update"
    )
    ema: Inner | None = Field(
        None,
        description="share of the past in the average of the weights; less in the first updates, "
        "t / (t + 9) after t of them",
    )
    learning_rate_multipliers: dict[str, Decay] = Field(
        default_factory=dict,
        description="by pattern of layer (conv*) or weight (*/bias); the first that matches",
    )
    backbone_rate: Part = Field(
        1.0, description="times the learning rate, for all layers but the head"
    )
    layer_decay: Part = Field(
        1.0,
        description="times that rate, again for each stage (maps of one size) further from the "
        "last stage before the head",
    )
    schedule: SerializeAsAny[ScheduleSpec] = OnPlateau()

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


class SGD(OptimizerSpec, name="sgd"):
    """Stochastic gradient descent."""

    learning_rate: Rate = 0.01
    momentum: Momentum | None = 0.9
    nesterov: bool | None = False
    momentum_start: Momentum | None = None
    momentum_ramp: Positive | None = None


class Adam(OptimizerSpec, name="adam"):
    """Kingma and Ba 2015."""


class AdamW(OptimizerSpec, name="adamw"):
    """Loshchilov and Hutter 2019."""

    weight_decay: Decay = 0.004


class Lion(OptimizerSpec, name="lion"):
    """Chen et al. 2023."""

    learning_rate: Rate = 1e-4


class Muon(OptimizerSpec, name="muon"):
    """Jordan et al. 2024."""

    momentum: Momentum | None = 0.95
    nesterov: bool | None = True
    weight_decay: Decay = 0.004
