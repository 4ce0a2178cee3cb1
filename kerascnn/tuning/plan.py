"""From what an oracle proposes to the recipe of a trial."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from kerascnn.data.loading import load
from kerascnn.data.spec import DataSpec
from kerascnn.errors import UserError
from kerascnn.recipe import Recipe
from kerascnn.tracking import ActiveSweep
from kerascnn.tuning.space import SpaceSpec, buildable
from kerascnn.tuning.spec import SweepSpec

# Of the training images, in Hyperband's rounds before the last one.
FIRST_SHARE = 1 / 3


@dataclass
class Plan:
    """A sweep's recipe, the space around it, and how it is searched.

    Attributes:
        recipe: That the trials vary.
        space: The ranges of the fields that they vary.
        spec: The spec of the search.
    """

    recipe: Recipe
    space: SpaceSpec
    spec: SweepSpec
    _images: dict[str, tuple[tuple[int, int, int], int]] = field(default_factory=dict)

    @property
    def max_epochs(self) -> int:
        """How many epochs a trial has that is trained in full."""
        return self.spec.max_epochs or self.recipe.training.epochs or 20

    @property
    def cross_validated(self) -> bool:
        """Whether a trial is trained once for each fold."""
        return self.recipe.data.cross_validated

    @property
    def objective(self) -> str:
        """Name of the figure of a trial that the search is for; with folds their mean."""
        return self.spec.figure(folds=self.cross_validated)

    def is_full(self, values: Mapping[str, Any]) -> bool:
        """Whether a trial has all the epochs and all the images."""
        return int(values.get("tuner/epochs", self.max_epochs)) >= self.max_epochs

    def trial(self, values: Mapping[str, Any], *, threads: int | None = None) -> Recipe:
        """Returns the recipe of a trial, resolved.

        Args:
            values: As the oracle proposes them.
            threads: How many threads of the processor, where trials share it.

        Raises:
            UserError: If the values do not go together.
        """
        recipe = self.space.apply(self.recipe, values).model_dump(mode="json")
        recipe["training"]["epochs"] = int(values.get("tuner/epochs", self.max_epochs))
        recipe["training"]["threads"] = recipe["training"]["threads"] or threads
        if not self.is_full(values):
            recipe["data"]["train_fraction"] *= FIRST_SHARE
        return Recipe(**recipe)

    def unbuildable(self, values: Mapping[str, Any]) -> str | None:
        """Returns why a configuration cannot be built for the data; None where it can."""
        try:
            recipe = self.trial(values)
            return buildable(recipe, *self._image_shape(recipe.data))
        except UserError as error:
            return str(error)

    def _image_shape(self, spec: DataSpec) -> tuple[tuple[int, int, int], int]:
        key = repr((spec.image_size, spec.colour, spec.name))
        if key not in self._images:
            data = load(spec)
            self._images[key] = (data.image_shape, len(data.classes))
        return self._images[key]

    def to_values(self) -> dict[str, Any]:
        """Returns recipe, space and spec as plain values, for sweep.yaml and for workers."""
        return {
            "recipe": self.recipe.model_dump(mode="json"),
            "space": self.space.model_dump(mode="json", by_alias=True),
            "sweep": self.spec.model_dump(mode="json"),
        }

    @classmethod
    def of_values(cls, values: Mapping[str, Any]) -> Plan:
        """Returns the plan that `to_values` wrote."""
        recipe, space = Recipe(**values["recipe"]), SpaceSpec(**values["space"])
        return cls(recipe, space, SweepSpec(**values["sweep"]))

    def describe(self) -> str:
        """Returns on one line what will be done."""
        spec, epochs = self.spec, self.max_epochs
        trials = f"{spec.trials} trials" if spec.trials else "every point of the grid"
        folds = f", {self.recipe.data.folds} folds each" if self.cross_validated else ""
        many = f", {spec.executions} trainings each" if spec.executions > 1 else ""
        if folds and many:
            many = f" of {spec.executions} trainings"
        line = (
            f"{spec.tuner} search, {trials} of up to {epochs} epochs{folds}{many}, "
            f"{spec.workers} at once"
        )
        if spec.tuner == "hyperband" and epochs >= 3:
            line += (
                f"; the first rounds train briefly on {FIRST_SHARE:.0%} of the training images, "
                f"the survivors anew for all {epochs} epochs on all of them"
            )
        return line


@dataclass(frozen=True)
class OngoingSweep:
    """A sweep that this process has in hand.

    Attributes:
        active: Where it is tracked.
        plan: What is searched, and how.
        folder: For the oracle's state and the trials' logs.
        report: Called with each line for the user.
    """

    active: ActiveSweep
    plan: Plan
    folder: Path
    report: Callable[[str], None]
