"""What decides a sweep beside its recipe and its space."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field, field_validator, model_validator

from kerascnn.duration import Seconds
from kerascnn.errors import UserError, unknown
from kerascnn.spec import Spec

# What a trial logs that one may want most or least of.
OBJECTIVES: dict[str, Literal["max", "min"]] = {
    "validation_accuracy": "max",
    "validation_loss": "min",
    "validation_top5_accuracy": "max",  # of more than five classes
}
DEFAULT_TRIALS = 20


class SweepSpec(Spec):
    """How a sweep searches, and for how long."""

    name: str | None = Field(None, description="of the sweep; made from model and data if unset")
    tuner: Literal["random", "bayesian", "hyperband", "grid"] = Field(
        "hyperband", description="hyperband: many briefly, on a share of the images, the best fully"
    )
    trials: int | None = Field(
        None, ge=1, le=10**6, description="in all; 20, or every point of a grid"
    )
    executions: int = Field(
        1, ge=1, le=1000, description="trainings of each trial, from other seeds"
    )
    max_epochs: int | None = Field(
        None, ge=1, le=10**12, description="of a trial; the recipe's if unset"
    )
    time_limit: Seconds | None = Field(None, description="of the search, such as 2h; then it ends")
    objective: str = Field("validation_accuracy", description="what the search is for")
    seed: int = Field(
        0, ge=0, le=2**32 - 1, description="of what is tried; the recipe has the trainings' own"
    )
    workers: int = Field(1, ge=1, le=256, description="trials at once")
    retrain: int = Field(
        0, ge=0, le=1000, description="trainings of the winner on training and validation images"
    )

    @field_validator("objective")
    @classmethod
    def _logged(cls, objective: str) -> str:
        if objective not in OBJECTIVES:
            raise UserError(f"no trial logs it: {unknown('objective', objective, OBJECTIVES)}")
        return objective

    @model_validator(mode="before")
    @classmethod
    def _some_budget(cls, values: Any) -> Any:
        if values.get("trials") is None and values.get("tuner") != "grid":
            return {**values, "trials": DEFAULT_TRIALS}
        return values

    def figure(self, *, folds: bool) -> str:
        """Returns the name of the figure of a trial that the search is for.

        Args:
            folds: Whether trials are cross-validated: then "folds_accuracy", the mean over the
                images that each fold leaves out, is what validation_accuracy is of other trials.
        """
        return self.objective.replace("validation_", "folds_") if folds else self.objective

    @property
    def direction(self) -> Literal["max", "min"]:
        """Whether the best objective is the highest or the lowest."""
        return OBJECTIVES[self.objective]
