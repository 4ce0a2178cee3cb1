"""One training run: compile and fit, in one place."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass

from kerascnn.backend import keras, tf
from kerascnn.data import ImageData, training_batches
from kerascnn.data.test_time import view_batches
from kerascnn.losses import build_loss
from kerascnn.recipe import Recipe, TrainSpec
from kerascnn.registry import model_entry
from kerascnn.training.callbacks import BestWeights, DataWait, MainHead, Rates
from kerascnn.training.optimizers import build_optimizer, schedule_callbacks
from kerascnn.training.progress import EpochLines


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


def _for_heads(batches: tf.data.Dataset, heads: Sequence[str]) -> tf.data.Dataset:
    """Gives every head of a network the same labels."""
    return batches.map(
        lambda images, labels, *weights: (images, dict.fromkeys(heads, labels), *weights)
    )


def _compile(
    model: keras.Model, recipe: Recipe, heads: Sequence[str], *, soft_labels: bool
) -> None:
    loss = build_loss(model_entry(recipe.model.name).loss, soft_labels=soft_labels)
    accuracy = (
        keras.metrics.CategoricalAccuracy
        if soft_labels
        else keras.metrics.SparseCategoricalAccuracy
    )(name="accuracy")
    auxiliary = recipe.training.auxiliary_weight
    model.compile(
        optimizer=build_optimizer(recipe.optimizer),
        loss=dict.fromkeys(heads, loss) if heads else loss,
        loss_weights=(
            {head: 1.0 if head == "logits" else auxiliary for head in heads} if heads else None
        ),
        metrics={"logits": [accuracy]} if heads else [accuracy],
    )


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
    view = recipe.augment.test_time.central  # what the scores after training see first of all
    validation = view_batches(data, "validation", view, batch_size=spec.batch_size)
    soft = recipe.augment.soft_labels
    if soft:  # then the validation's must be probabilities (B, classes) too
        validation = validation.map(
            lambda images, labels: (images, tf.one_hot(labels, len(data.classes)))
        )
    heads = list(model.output) if isinstance(model.output, dict) else []
    if heads:
        batches, validation = _for_heads(batches, heads), _for_heads(validation, heads)
    _compile(model, recipe, heads, soft_labels=soft)
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
                *([MainHead()] if heads else []),
                rates,  # first: the ones below read its values
                best,
                *schedule_callbacks(recipe.optimizer),
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
