"""One training run: compile and fit, in one place."""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass

from kerascnn.arithmetic import analyze
from kerascnn.backend import keras, tf
from kerascnn.data import ImageData, evaluation_batches, training_batches
from kerascnn.losses import build_loss
from kerascnn.recipe import Recipe, TrainSpec
from kerascnn.registry import model_entry
from kerascnn.training import batch_size
from kerascnn.training.budget import Budget
from kerascnn.training.callbacks import BestWeights, DataWait, MainHead, Rates
from kerascnn.training.device import Device
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


def _budget(data: ImageData, recipe: Recipe, steps: int, started: float | None) -> Budget:
    validation = data.splits["validation"].size
    scored = sum(split.size for split in data.splits.values()) * recipe.augment.test_time.count
    return Budget(
        recipe.training,
        steps,
        validation_steps=math.ceil(validation / recipe.training.images_per_step),
        started=started,
        final_scores=scored / validation,
    )


def _heads(model: keras.Model) -> list[str]:
    return list(model.output) if isinstance(model.output, dict) else []


def _training_stream(model: keras.Model, data: ImageData, recipe: Recipe) -> tf.data.Dataset:
    spec = recipe.training
    stream = training_batches(data, recipe.augment, batch_size=spec.images_per_step, seed=spec.seed)
    return _for_heads(stream, _heads(model)) if _heads(model) else stream


def settle_batch_size(
    model: keras.Model, data: ImageData, recipe: Recipe, device: Device
) -> tuple[Recipe, str]:
    """Replaces the batch size "auto" by the largest sensible one that fits into memory.

    Args:
        model: From `build_model`; left as it was.
        data: Its training split is what the batches are taken from.
        recipe: As given.
        device: What the network trains on.

    Returns:
        The recipe with a number in place of "auto", and why it is that number.
    """
    images = data.splits["train"].size
    if device.is_gpu:
        trial = recipe.with_training(batch_size=1)
        _compile(model, trial, _heads(model), soft_labels=recipe.augment.soft_labels)
        batch = _training_stream(model, data, trial).element_spec
        size, reason = batch_size.from_trials(model, batch, images)
    else:
        size, reason = batch_size.from_free_memory(analyze(model), images)
    return recipe.with_training(batch_size=size), reason


def fit(
    model: keras.Model,
    data: ImageData,
    recipe: Recipe,
    callbacks: Sequence[keras.callbacks.Callback] = (),
    *,
    started: float | None = None,
) -> Outcome:
    """Trains the model in place and leaves the weights of its best epoch in it.

    Args:
        model: From `build_model`; takes uint8 images and gives logits (B, classes).
        data: Its "train" split is trained on, its "validation" split chooses the best epoch.
        recipe: Augmentation, optimizer and training are read from it.
        callbacks: Called after this function's own, so that they see every value in the logs.
        started: When the time limit began to run, by `time.perf_counter`; now if None.

    Returns:
        How it went. Ctrl-C is an outcome, not an exception.

    Raises:
        UserError: If a batch does not fit into memory; names the largest that does.
    """
    spec = recipe.training
    images = data.splits["train"].size
    steps = math.ceil(images / spec.images_per_step)
    wait = DataWait(enabled=not spec.deterministic)
    batches = _training_stream(model, data, recipe)
    validation = evaluation_batches(data, "validation", batch_size=spec.images_per_step)
    soft = recipe.augment.soft_labels
    if soft:  # then the validation's must be probabilities (B, classes) too
        validation = validation.map(
            lambda images, labels: (images, tf.one_hot(labels, len(data.classes)))
        )
    heads = _heads(model)
    if heads:
        validation = _for_heads(validation, heads)
    _compile(model, recipe, heads, soft_labels=soft)
    batches = wait.watch(batches)
    best, rates = BestWeights(), Rates(images, spec.images_per_step, wait)
    budget = _budget(data, recipe, steps, started)
    progress = EpochLines(budget, spec.images_per_step)
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
            epochs=budget.epochs if budget.exact else sys.maxsize,
            steps_per_epoch=steps,
            validation_data=validation,
            shuffle=False,  # the batches are; Keras would warn that it cannot
            verbose=0,
            callbacks=[
                *([MainHead()] if heads else []),
                budget,
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
    except tf.errors.ResourceExhaustedError as error:
        size = spec.images_per_step
        raise batch_size.too_large(model, batches.element_spec, size) from error
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
