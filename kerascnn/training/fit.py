"""One training run: compile and fit, in one place."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from kerascnn.backend import keras, tf
from kerascnn.data import ImageData, evaluation_batches, training_batches
from kerascnn.losses import build_loss
from kerascnn.recipe import Recipe, TrainSpec
from kerascnn.registry import model_entry
from kerascnn.training.callbacks import BestWeights, DataWait, MainHead, Rates
from kerascnn.training.optimizers import build_optimizer, weight_bounds, weight_rules
from kerascnn.training.progress import EpochLines
from kerascnn.training.schedules import Plateau, Schedule


@dataclass(frozen=True)
class Outcome:
    """How a run went.

    Attributes:
        history: Every logged value by name, one per epoch that ended.
        best_epoch: Zero-based epoch of the lowest validation loss, whose weights the model has
            now; None where no epoch ended.
        seconds: Of the whole fit, validation and callbacks included.
        step_seconds: Of the training steps alone.
        waited_seconds: Of the steps, spent waiting for data.
        interrupted: Whether Ctrl-C or SIGTERM ended it.
    """

    history: dict[str, list[float]]
    best_epoch: int | None
    seconds: float
    step_seconds: float
    waited_seconds: float
    interrupted: bool


def seed_everything(spec: TrainSpec) -> None:
    """Seeds Python, NumPy and TensorFlow; with `deterministic`, repeats become bit-equal.

    Must come before the model is built, as initial weights and dropout draw from these seeds.
    """
    keras.utils.set_random_seed(spec.seed)
    if spec.deterministic:
        tf.config.experimental.enable_op_determinism()


def _heads(model: keras.Model) -> list[str]:
    """Returns the names of the outputs of a network with auxiliary heads; none without."""
    return list(model.output) if isinstance(model.output, dict) else []


def with_targets(
    batches: tf.data.Dataset, model: keras.Model, recipe: Recipe, *, smoothing: float = 0.0
) -> tf.data.Dataset:
    """Gives batches the labels that `compile_model` expects: for each head, soft where need be.

    Args:
        batches: Of images and labels, and perhaps of weights.
        model: Its heads all get the same labels.
        recipe: Tells whether labels are probabilities.
        smoothing: Share of each label that goes to all classes alike (Szegedy et al. 2016).
    """
    heads, classes = _heads(model), _classes(model)

    def targets(labels: tf.Tensor) -> Any:
        if recipe.soft_labels:
            if labels.shape.rank == 1:
                labels = tf.one_hot(labels, classes)
            labels = labels * (1 - smoothing) + smoothing / classes
        return dict.fromkeys(heads, labels) if heads else labels

    return batches.map(lambda images, labels, *weights: (images, targets(labels), *weights))


def _classes(model: keras.Model) -> int:
    logits = model.output["logits"] if _heads(model) else model.output
    return int(logits.shape[-1])


def compile_model(model: keras.Model, recipe: Recipe, schedule: Schedule) -> None:
    """Compiles a network with its recipe's loss, optimizer and metrics."""
    heads = _heads(model)
    loss = build_loss(model_entry(recipe.model.name).loss, soft_labels=recipe.soft_labels)
    accuracy = (
        keras.metrics.CategoricalAccuracy
        if recipe.soft_labels
        else keras.metrics.SparseCategoricalAccuracy
    )(name="accuracy")
    auxiliary = recipe.training.auxiliary_weight
    model.compile(
        optimizer=build_optimizer(recipe.optimizer, model, schedule),
        loss=dict.fromkeys(heads, loss) if heads else loss,
        loss_weights=(
            {head: 1.0 if head == "logits" else auxiliary for head in heads} if heads else None
        ),
        metrics={"logits": [accuracy]} if heads else [accuracy],
    )


def build_schedule(data: ImageData, recipe: Recipe) -> Schedule:
    """Returns the schedule of a run on these images."""
    steps = math.ceil(data.splits["train"].size / recipe.training.batch_size)
    return Schedule(recipe.optimizer, steps=recipe.training.epochs * steps, steps_per_epoch=steps)


def check(model: keras.Model, data: ImageData, recipe: Recipe) -> None:
    """Refuses what only the data and the network can tell of a recipe's optimizer.

    Raises:
        UserError: For a warm-up longer than the run, or layers that the network does not have.
    """
    build_schedule(data, recipe)
    weight_rules(recipe.optimizer, model)
    weight_bounds(recipe.optimizer, model)


def fit(
    model: keras.Model,
    data: ImageData,
    recipe: Recipe,
    callbacks: Sequence[keras.callbacks.Callback] = (),
) -> Outcome:
    """Trains the model in place and leaves the weights of its best epoch in it.

    Args:
        model: From `build_model`; takes uint8 images and gives logits (B, classes).
        data: Its "train" split is trained on, its "validation" split chooses the best epoch.
        recipe: Augmentation, optimizer and training are read from it.
        callbacks: Called after this function's own, so that they see every value in the logs.

    Returns:
        How it went. Ctrl-C is an outcome, not an exception.
    """
    spec = recipe.training
    images = data.splits["train"].size
    steps = math.ceil(images / spec.batch_size)
    wait = DataWait(enabled=not spec.deterministic)
    batches = training_batches(data, recipe.augment, batch_size=spec.batch_size, seed=spec.seed)
    validation = evaluation_batches(data, "validation", batch_size=spec.batch_size)
    batches = with_targets(batches, model, recipe, smoothing=spec.label_smoothing)
    validation = with_targets(validation, model, recipe)
    schedule = build_schedule(data, recipe)
    compile_model(model, recipe, schedule)
    batches = wait.watch(batches)
    best, rates = BestWeights(), Rates(images, wait)
    progress = EpochLines(spec.epochs, steps, spec.batch_size)
    stopping = (
        [keras.callbacks.EarlyStopping(monitor="val_loss", patience=spec.early_stopping)]
        if spec.early_stopping
        else []
    )
    history = keras.callbacks.History()
    start, interrupted = time.perf_counter(), False
    try:
        model.fit(
            batches,
            epochs=spec.epochs,
            steps_per_epoch=steps,
            validation_data=validation,
            shuffle=False,  # the batches are; Keras would warn that it cannot
            verbose=0,
            callbacks=[
                *([keras.callbacks.SwapEMAWeights()] if recipe.optimizer.ema else []),
                *([MainHead()] if _heads(model) else []),
                rates,  # first: the ones below read its values
                best,
                *([Plateau(schedule)] if recipe.optimizer.schedule.name == "plateau" else []),
                *stopping,
                progress,
                *callbacks,
                history,
            ],
        )
    except KeyboardInterrupt:
        interrupted = True
    finally:
        progress.close()
    best.restore()
    return Outcome(
        history={
            name: [float(value) for value in values] for name, values in history.history.items()
        },
        best_epoch=best.epoch,
        seconds=time.perf_counter() - start,
        step_seconds=rates.fit_seconds,
        waited_seconds=rates.waited_seconds,
        interrupted=interrupted,
    )
