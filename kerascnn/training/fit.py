"""One training run: compile and fit, in one place."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass

from kerascnn.backend import keras, tf
from kerascnn.data import ImageData, evaluation_batches, training_batches
from kerascnn.recipe import Recipe, TrainSpec
from kerascnn.training.callbacks import BestWeights, DataWait, Rates
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
    batches = wait.watch(
        training_batches(data, recipe.augment, batch_size=spec.batch_size, seed=spec.seed)
    )
    model.compile(
        optimizer=build_optimizer(recipe.optimizer),
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=[keras.metrics.SparseCategoricalAccuracy(name="accuracy")],
    )
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
            validation_data=evaluation_batches(data, "validation", batch_size=spec.batch_size),
            shuffle=False,  # the batches are; Keras would warn that it cannot
            verbose=0,
            callbacks=[
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
