"""A recipe's loss, optimizer, metrics and batches, for one network and its data."""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from typing import Any

from kerascnn.backend import graph_native, keras, tf
from kerascnn.data.dataset import ImageData
from kerascnn.data.pipeline import training_batches
from kerascnn.data.stages import Stages
from kerascnn.recipe import Recipe
from kerascnn.training.budget import planned_steps
from kerascnn.training.heads import heads_of
from kerascnn.training.optimizers import build_optimizer, weight_bounds, weight_rules
from kerascnn.training.schedules import Schedule
from kerascnn.training.spec import TrainSpec
from kerascnn.training.targets import targets_of


def with_targets(
    batches: tf.data.Dataset, model: keras.Model, recipe: Recipe, *, smoothing: float = 0.0
) -> tf.data.Dataset:
    """Gives batches the labels that `compile_model` expects: for each head, soft where need be.

    Args:
        batches: The batches of images and labels, and perhaps of weights.
        model: Its heads all get the same labels.
        recipe: Tells whether labels are probabilities.
        smoothing: As `Targets.of` takes it.
    """
    heads, classes, made = heads_of(model), _classes(model), targets_of(recipe)

    def targets(labels: tf.Tensor) -> Any:
        labels = made.of(labels, classes, smoothing)
        return dict.fromkeys(heads, labels) if heads else labels

    @graph_native
    def with_them(images: tf.Tensor, labels: tf.Tensor, *weights: tf.Tensor) -> Any:
        return images, targets(labels), *weights

    return batches.map(with_them)


def _classes(model: keras.Model) -> int:
    logits = model.output["logits"] if heads_of(model) else model.output
    return int(logits.shape[-1])


def compile_model(
    model: keras.Model,
    recipe: Recipe,
    schedule: Schedule,
    classes: Sequence[str] = (),
    head: Collection[str] | None = None,
) -> None:
    """Compiles a network with its recipe's loss, optimizer and metrics.

    Args:
        model: Its heads all get the same loss.
        recipe: As given.
        schedule: The learning rate.
        classes: Names, in the order of the logits; the recipe's costs are by them.
        head: Names of the layers that have the full learning rate; from the model if None.
    """
    heads, made = heads_of(model), targets_of(recipe)
    loss, figure = made.loss(classes), made.metric(_classes(model))
    auxiliary = recipe.training.auxiliary_weight
    model.compile(
        optimizer=build_optimizer(recipe.optimizer, model, schedule, head),
        loss=dict.fromkeys(heads, loss) if heads else loss,
        loss_weights=(
            {head: 1.0 if head == "logits" else auxiliary for head in heads} if heads else None
        ),
        metrics={"logits": [figure]} if heads else [figure],
    )
    # Where the first step made the optimizer's variables, TensorFlow would trace it a second time.
    model.optimizer.build(model.trainable_variables)


def steps_per_epoch(data: ImageData, spec: TrainSpec) -> int:
    """Returns the number of batches of an epoch, the last one perhaps smaller."""
    return math.ceil(data.splits["train"].size / spec.images_per_step)


def build_schedule(data: ImageData, recipe: Recipe) -> Schedule:
    """Returns the schedule of a run on these images."""
    steps = steps_per_epoch(data, recipe.training)
    return Schedule(
        recipe.optimizer,
        steps=planned_steps(recipe.training, steps),
        steps_per_epoch=steps,
        head_steps=recipe.training.head_epochs * steps,
    )


def check(model: keras.Model, data: ImageData, recipe: Recipe) -> None:
    """Refuses what only the data and the network can tell of a recipe's optimizer.

    Raises:
        UserError: For a warm-up longer than the run, or layers that the network does not have.
    """
    if recipe.training.batch_size != "auto":
        build_schedule(data, recipe)
    weight_rules(recipe.optimizer, model)
    weight_bounds(recipe.optimizer, model)


def training_stream(
    model: keras.Model,
    data: ImageData,
    recipe: Recipe,
    *,
    epoch: int = 0,
    step: int = 0,
    stages: Stages | None = None,
) -> tf.data.Dataset:
    """Returns endless batches for a compiled model, from some position of the run on.

    Args:
        model: From `compile_model`.
        data: From `load`.
        recipe: As given.
        epoch: To start with, from 0.
        step: The step of that epoch to start with.
        stages: Times reading and augmenting.
    """
    spec = recipe.training
    batches = training_batches(
        data,
        recipe.augment,
        batch_size=spec.images_per_step,
        class_weights=spec.class_weights,
        seed=spec.seed,
        epoch=epoch,
        step=step,
        stages=stages,
    )
    return with_targets(batches, model, recipe, smoothing=spec.label_smoothing)
