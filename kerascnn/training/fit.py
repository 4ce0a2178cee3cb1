"""One training run: compile and fit, in one place."""

from __future__ import annotations

import math
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from kerascnn.arithmetic import analyze
from kerascnn.backend import keras, tf
from kerascnn.checkpoint import Checkpoint
from kerascnn.data import ImageData, training_batches
from kerascnn.data.failure import readable
from kerascnn.data.test_time import view_batches
from kerascnn.errors import TrainingError
from kerascnn.losses import build_loss
from kerascnn.recipe import Recipe, TrainSpec
from kerascnn.registry import model_entry
from kerascnn.training import batch_size
from kerascnn.training.budget import Budget, planned_steps
from kerascnn.training.callbacks import (
    BestWeights,
    Callbacks,
    DataWait,
    MainHead,
    Position,
    Rates,
    watches_steps,
)
from kerascnn.training.checkpoint import Checkpoints
from kerascnn.training.device import Device
from kerascnn.training.executions import executions, steps_per_call
from kerascnn.training.finite import FiniteLoss
from kerascnn.training.interruption import Interruption
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
        kept: Where the model's weights are from, in words: the best epoch, or if none ended before
            a failure, the newest checkpoint; None where they are of no use.
        seconds: Of the whole fit, validation and callbacks included.
        step_seconds: Of the training steps alone.
        waited_seconds: Of the steps, spent waiting for data.
        interrupted: Whether Ctrl-C or SIGTERM ended it.
        failure: What ended it, where that was a loss that is NaN or infinite.
    """

    history: dict[str, list[float]]
    best_epoch: int | None
    kept: str | None
    seconds: float
    step_seconds: float
    waited_seconds: float
    interrupted: bool
    failure: TrainingError | None


# Of this process: what TensorFlow does for one run's determinism stays for those after it.
_ops_are_deterministic = False


def seed_everything(spec: TrainSpec) -> None:
    """Seeds Python, NumPy and TensorFlow; with `deterministic`, repeats become bit-equal.

    Must come before the model is built, as initial weights and dropout draw from these seeds.
    """
    global _ops_are_deterministic
    keras.utils.set_random_seed(spec.seed)
    if spec.deterministic:
        tf.config.experimental.enable_op_determinism()
        _ops_are_deterministic = True


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


def _steps_per_epoch(data: ImageData, spec: TrainSpec) -> int:
    return math.ceil(data.splits["train"].size / spec.images_per_step)


def build_schedule(data: ImageData, recipe: Recipe) -> Schedule:
    """Returns the schedule of a run on these images."""
    steps = _steps_per_epoch(data, recipe.training)
    return Schedule(
        recipe.optimizer, steps=planned_steps(recipe.training, steps), steps_per_epoch=steps
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


def _budget(
    data: ImageData,
    recipe: Recipe,
    schedule: Schedule,
    position: Position,
    started: float | None,
) -> Budget:
    validation = data.splits["validation"].size
    sizes = {name: split.size for name, split in data.splits.items()}
    scored = sizes.pop("train") + sum(sizes.values()) * recipe.augment.test_time.count
    return Budget(
        recipe.training,
        position,
        validation_steps=math.ceil(validation / recipe.training.images_per_step),
        started=started,
        final_scores=scored / validation,
        refit=schedule.refit,
    )


def training_stream(
    model: keras.Model, data: ImageData, recipe: Recipe, *, epoch: int = 0, step: int = 0
) -> tf.data.Dataset:
    """Returns endless batches for a compiled model, from some position of the run on."""
    spec = recipe.training
    batches = training_batches(
        data,
        recipe.augment,
        batch_size=spec.images_per_step,
        seed=spec.seed,
        epoch=epoch,
        step=step,
    )
    return with_targets(batches, model, recipe, smoothing=spec.label_smoothing)


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
        compile_model(model, trial, build_schedule(data, trial))
        batch = training_stream(model, data, trial).element_spec
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
    checkpoint: Checkpoint | None = None,
    resumed: Mapping[str, Any] | None = None,
    started: float | None = None,
) -> Outcome:
    """Trains the model in place and leaves the weights of its best epoch in it.

    Args:
        model: From `build_model`; takes uint8 images and gives logits (B, classes).
        data: Its "train" split is trained on, its "validation" split chooses the best epoch.
        recipe: Augmentation, optimizer and training are read from it.
        callbacks: Called after this function's own, so that they see every value in the logs.
            After a step the logs are tensors; where none of them looks at steps, those of a small
            network are taken several at a time. A resumed run needs the same ones in the same
            order.
        checkpoint: Where the state is kept while training goes on.
        resumed: What `checkpoint.read()` gave: continues there.
        started: When the time limit began to run, by `time.perf_counter`; now if None.

    Returns:
        How it went. Ctrl-C, and a loss that is not finite, are outcomes, not exceptions.

    Raises:
        UserError: If a batch does not fit into memory; names the largest that does. If image files
            cannot be read any more; names them.
    """
    spec = recipe.training
    epoch, step = (resumed["epoch"], resumed["step"]) if resumed else (0, 0)
    position = Position(epoch, step, _steps_per_epoch(data, spec))
    wait = DataWait(enabled=not (spec.deterministic or _ops_are_deterministic))
    batches = wait.watch(training_stream(model, data, recipe, epoch=epoch, step=step))
    view = recipe.augment.test_time.central  # what the scores after training see first of all
    validation = view_batches(data, "validation", view, batch_size=spec.images_per_step)
    validation = with_targets(validation, model, recipe)
    schedule = build_schedule(data, recipe)
    compile_model(model, recipe, schedule)
    if step:  # Keras builds the metrics, whose means go on, when they first see a batch
        model.evaluate(validation.take(1), verbose=0)
    budget = _budget(data, recipe, schedule, position, started)
    finite = FiniteLoss(position, recipe.optimizer.learning_rate)
    best = BestWeights(last=spec.keep == "last")
    rates = Rates(data.splits["train"].size, wait, position)
    progress = EpochLines(budget, spec.images_per_step)
    stopping = (
        [keras.callbacks.EarlyStopping(monitor="val_loss", patience=spec.early_stopping)]
        if spec.early_stopping
        else []
    )
    history = keras.callbacks.History()
    interruption = Interruption(position)
    ordered = [
        position,
        budget,
        *([keras.callbacks.SwapEMAWeights()] if recipe.optimizer.ema else []),
        *([MainHead()] if _heads(model) else []),
        rates,  # early: the ones below read its values
        finite,
        best,
        *([Plateau(schedule)] if recipe.optimizer.schedule.name == "plateau" else []),
        *stopping,
        progress,
        *callbacks,
        history,
    ]
    checkpoints = Checkpoints(
        checkpoint,
        ordered,
        position=position,
        finite=finite,
        interruption=interruption,
        about={"recipe": recipe.model_dump(mode="json"), "fingerprint": data.fingerprint},
        minutes=spec.checkpoint_minutes,
        resumed=resumed,
    )
    stepwise = any(watches_steps(callback) for callback in callbacks)
    per_call = 1 if stepwise else steps_per_call(analyze(model), spec.images_per_step)
    interrupted, failure = False, None
    try:
        with interruption, readable(data), executions(model, position, budget, per_call):
            model.fit(
                batches,
                initial_epoch=sys.maxsize if resumed and resumed["stopped"] else epoch,
                epochs=sys.maxsize,  # the budget ends it
                steps_per_epoch=math.ceil(position.steps / per_call),
                validation_data=validation,
                shuffle=False,  # the batches are; Keras would warn that it cannot
                verbose=0,
                callbacks=Callbacks([*ordered, checkpoints, interruption], model=model, verbose=0),
            )
    except KeyboardInterrupt:
        interrupted = True
    except TrainingError as error:
        failure = error
    except tf.errors.ResourceExhaustedError as error:
        size = spec.images_per_step
        raise batch_size.too_large(model, batches.element_spec, size) from error
    finally:
        progress.close()
    kept = best.restore() or (checkpoints.restore_weights() if failure else None)
    return Outcome(
        history={
            name: [float(value) for value in values] for name, values in history.history.items()
        },
        best_epoch=best.epoch,
        kept=kept,
        seconds=checkpoints.seconds(),
        step_seconds=rates.fit_seconds,
        waited_seconds=rates.waited_seconds,
        interrupted=interrupted,
        failure=failure,
    )
