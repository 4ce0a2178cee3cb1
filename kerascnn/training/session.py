"""A recipe's data and network, put together: what is trained, scored and saved; nothing is tracked.

The same for a training, a resumed one, a range test and the trial of a sweep.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from kerascnn.arithmetic import Analysis, analyze
from kerascnn.backend import keras
from kerascnn.data.dataset import ImageData
from kerascnn.data.early_checks import check_class_names
from kerascnn.data.loading import load
from kerascnn.data.statistics import pixel_statistics
from kerascnn.errors import UserError
from kerascnn.evaluation.scores import predict_split
from kerascnn.evaluation.set_predictions import SetPredictions, Table, best_thresholds
from kerascnn.hardware import hardware
from kerascnn.kernels.table import quicken
from kerascnn.models.build import build_model, main_head
from kerascnn.recipe import Recipe
from kerascnn.text import tell
from kerascnn.training import batch_size
from kerascnn.training.adaptation import adapt
from kerascnn.training.backbone import head_layers
from kerascnn.training.checkpoint_file import Checkpoint
from kerascnn.training.compilation import build_schedule, check, compile_model, training_stream
from kerascnn.training.computation import FLOAT32, Computation, choose_by_rule
from kerascnn.training.determinism import seed_everything
from kerascnn.training.device import Device, choose_device
from kerascnn.training.fit import Outcome, fit
from kerascnn.training.initialization import Start, StartingWeights, copy_weights, freeze, go_on
from kerascnn.training.measured_computation import choose_by_measuring
from kerascnn.training.spec import TrainSpec

Report = Callable[[str], None]

# Finds what `training.initialize` names, for images (H, W, C) and a number of classes.
WeightsOf = Callable[[Recipe, tuple[int, int, int], int, Report], StartingWeights]


@dataclass(frozen=True)
class Session:
    """A network with its data, about to be trained or trained.

    Attributes:
        recipe: As given, its batch size a number.
        data: Loaded.
        model: Built, initialized and frozen as the recipe says, and quick for its device.
        device: What it computes on.
        computation: How it is computed.
        analysis: What the network costs.
        parameters: Trained ones, before any were frozen.
        head: Names of the layers that are trained first where the recipe says so, and have the
            full learning rate.
        optimizer: The variables of the optimizer of the run that this one goes on from.
    """

    recipe: Recipe
    data: ImageData
    model: keras.Model
    device: Device
    computation: Computation
    analysis: Analysis
    parameters: int
    head: Collection[str]
    optimizer: Sequence[np.ndarray] | None = None

    @cached_property
    def network(self) -> keras.Model:
        """The model without what only training needs, sharing its weights."""
        return main_head(self.model)

    def fit(
        self,
        callbacks: Sequence[keras.callbacks.Callback] = (),
        *,
        checkpoint: Checkpoint | None = None,
        resumed: Mapping[str, Any] | None = None,
        started: float | None = None,
        announce: Callable[[], None] = lambda: None,
        report: Report | None = tell,
    ) -> Outcome:
        """Trains the model; see `kerascnn.training.fit.fit`."""
        with self.device.scope():
            return fit(
                self.model,
                self.data,
                self.recipe,
                callbacks,
                checkpoint=checkpoint,
                resumed=resumed,
                started=started,
                announce=announce,
                report=report,
                optimizer=self.optimizer,
                head=self.head,
            )

    def predict(self, split: str) -> Table:
        """Runs the network on every example of a split, as its recipe views test images."""
        with self.device.scope():
            return predict_split(self.network, self.data, split, self.recipe.augment.test_time)

    def predict_all(self) -> dict[str, Table]:
        """Runs the network on every example of every split.

        Where images may have several labels, at thresholds that the validation images choose.
        """
        found = {split: self.predict(split) for split in self.data.splits}
        chosen_on = found["validation"]
        if isinstance(chosen_on, SetPredictions):
            thresholds = best_thresholds(chosen_on)
            found = {split: table.at(thresholds) for split, table in found.items()}  # type: ignore[union-attr]  # all are of one kind
        return found


def assemble(
    recipe: Recipe,
    *,
    weights_of: WeightsOf | None = None,
    start_of: Callable[[str, ImageData], Start] | None = None,
    computation: Computation | None = None,
    measures: bool = False,
    report: Report | None = None,
) -> Session:
    """Does all that comes before the first step of training.

    Args:
        recipe: As given.
        weights_of: Loads the weights that `training.initialize` names; None leaves the weights as
            they are drawn, for a checkpoint that follows.
        start_of: Finds what the run has left that `training.continue_from` names; None as above.
        computation: How the run has begun; None chooses.
        measures: Whether that may be chosen by measuring, where it pays.
        report: Called with each line for the user.

    Raises:
        UserError: For data that cannot be read, a network that cannot take it, or an optimizer
            that asks for what the network does not have.
    """
    tell = report or _silent
    spec = recipe.training
    device = choose_device(spec)
    with device.scope():
        data = load(recipe.data)
        check_class_names(spec.class_names, data.classes)
        tell(data.describe())
        weights = None
        if spec.initialize is not None and weights_of is not None:
            weights = weights_of(recipe, data.image_shape, len(data.classes), tell)
        model = _build(recipe, data, computation or FLOAT32)
        analysis = analyze(model)
        if computation is None:
            if measures:
                computation, measured = choose_by_measuring(
                    recipe, data, model, analysis, device, tell
                )
            else:
                computation, measured = choose_by_rule(spec, analysis, device), False
            if measured or computation.policy != FLOAT32.policy:
                del model  # there may be no room for two
                model = _build(recipe, data, computation)
        adapt(model, data)
        model = quicken(model, device.name, products=computation.products)
        parameters = _trained_parameters(model)
        tell(f"{recipe.model.name}: {parameters:,} parameters, on {hardware()}")
        tell(f"device {device}, precision {computation}")
        new: Collection[str] = ()
        if weights is not None:
            taken = copy_weights(model, weights, spec.initialize_layers)
            new = taken.left
            tell(f"initialized from {spec.initialize}: {taken}")
        optimizer = None
        if spec.continue_from is not None and start_of is not None:
            start = start_of(spec.continue_from, data)
            tell(f"goes on from {go_on(model, start)}")
            if start.optimizer is None:
                tell("the optimizer starts anew: finished runs keep no checkpoint")
            elif start.optimizer_name != recipe.optimizer.name:
                tell(f"the optimizer starts anew: it was {start.optimizer_name}")
            else:
                optimizer = start.optimizer
        head = head_layers(model, new)
        if frozen := freeze(model, spec.freeze):
            tell(f"frozen: {', '.join(frozen)}; {_trained_parameters(model):,} parameters train")
        if spec.head_epochs and weights is not None:
            tell(_head_first(model, head, spec))
        if spec.batch_size == "auto":
            recipe, reason = settle_batch_size(model, data, recipe, device, analysis)
            tell(f"batch size {recipe.training.batch_size} ({reason})")
        check(model, data, recipe)
    return Session(recipe, data, model, device, computation, analysis, parameters, head, optimizer)


def outline(recipe: Recipe) -> tuple[ImageData, Analysis, int]:
    """Does what can be done without giving the network weights.

    Returns:
        The data, what the network costs, and the batch size, which is a guess where it is "auto".

    Raises:
        UserError: As `assemble`.
    """
    data = load(recipe.data)
    check_class_names(recipe.training.class_names, data.classes)
    model = _outline(recipe, data)
    freeze(model, recipe.training.freeze)
    check(model, data, recipe)
    analysis = analyze(model)
    size = recipe.training.batch_size
    if size == "auto":
        size = batch_size.from_free_memory(analysis, data.splits["train"].size)[0]
    return data, analysis, size


def _silent(line: str) -> None:
    """Shows a line to nobody."""


def _outline(recipe: Recipe, data: ImageData) -> keras.Model:
    return build_model(
        recipe.model, input_shape=data.image_shape, classes=len(data.classes), abstract=True
    )


def _build(recipe: Recipe, data: ImageData, computation: Computation) -> keras.Model:
    seed_everything(recipe.training)  # initial weights and dropout draw from it
    with computation.scope():
        return build_model(
            recipe.model,
            input_shape=data.image_shape,
            classes=len(data.classes),
            statistics=pixel_statistics(data),
        )


def _trained_parameters(model: keras.Model) -> int:
    return sum(math.prod(weight.shape) for weight in model.trainable_weights)


def _head_first(model: keras.Model, head: Collection[str], spec: TrainSpec) -> str:
    """Says which layers are trained first.

    Raises:
        UserError: If all of them are frozen.
    """
    trained = [layer for layer in model.layers if layer.name in head and layer.trainable_weights]
    if not trained:
        raise UserError(
            f"training.head_epochs: the head ({', '.join(sorted(head))}) is frozen: leave it out "
            "of training.freeze"
        )
    names = ", ".join(layer.name for layer in trained[:4])
    more = f" and {len(trained) - 4} more" if len(trained) > 4 else ""
    epochs = "1 epoch" if spec.head_epochs == 1 else f"{spec.head_epochs} epochs"
    only = spec.epochs is not None and spec.epochs <= spec.head_epochs
    then = "which is all of the run" if only else "then all layers"
    return f"the head alone ({names}{more}) for {epochs}, {then}"


def settle_batch_size(
    model: keras.Model, data: ImageData, recipe: Recipe, device: Device, analysis: Analysis
) -> tuple[Recipe, str]:
    """Replaces the batch size "auto" by the largest sensible one that fits into memory.

    Args:
        model: From `build_model`; left as it was.
        data: Its training split is what the batches are taken from.
        recipe: As given.
        device: What the network trains on.
        analysis: The analysis of the network.

    Returns:
        The recipe with a number in place of "auto", and why it is that number.
    """
    images = data.splits["train"].size
    if device.is_gpu:
        trial = recipe.with_training(batch_size=1)
        compile_model(model, trial, build_schedule(data, trial), data.classes)
        batch = training_stream(model, data, trial).element_spec
        size, reason = batch_size.from_trials(model, batch, images)
    else:
        size, reason = batch_size.from_free_memory(analysis, images)
    return recipe.with_training(batch_size=size), reason
