"""One training run: compile and fit, in one place."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from kerascnn.arithmetic import analyze
from kerascnn.backend import keras, tf
from kerascnn.data.dataset import FileImages, ImageData
from kerascnn.data.failure import named_failures
from kerascnn.data.stages import Stages
from kerascnn.data.views import view_batches
from kerascnn.errors import TrainingError
from kerascnn.recipe import Recipe
from kerascnn.text import tell
from kerascnn.training import batch_size
from kerascnn.training.backbone import head_layers
from kerascnn.training.best_weights import BestWeights
from kerascnn.training.budget import Budget
from kerascnn.training.callback_list import Callbacks, watches_steps
from kerascnn.training.carried import carry_on
from kerascnn.training.checkpoint import Checkpoints
from kerascnn.training.checkpoint_file import Checkpoint
from kerascnn.training.compilation import (
    build_schedule,
    compile_model,
    steps_per_epoch,
    training_stream,
    with_targets,
)
from kerascnn.training.determinism import ops_are_deterministic
from kerascnn.training.executions import executions, steps_per_call
from kerascnn.training.finite import FiniteLoss
from kerascnn.training.head_first import HeadFirst
from kerascnn.training.heads import MainHead, heads_of
from kerascnn.training.interruption import Interruption
from kerascnn.training.position import Position
from kerascnn.training.progress import EpochLines
from kerascnn.training.rates import DataWait, Rates, training_rate
from kerascnn.training.schedules import Plateau, Schedule
from kerascnn.training.snapshots import Snapshots
from kerascnn.training.targets import monitored, targets_of


@dataclass(frozen=True)
class Outcome:
    """How a run went.

    Attributes:
        history: Every logged value by name, one per epoch that ended.
        best_epoch: Zero-based epoch of the lowest validation loss (or what `training.monitor`
            says), whose weights the model has now; None where no epoch ended.
        kept: Where the model's weights are from, in words: the best epoch, or if none ended before
            a failure, the newest checkpoint; None where they are of no use.
        seconds: The seconds of the whole fit, validation and callbacks included.
        step_seconds: The seconds of the training steps alone.
        waited_seconds: The seconds of the steps that were spent waiting for data.
        rates: Images per second of "reading", "augmenting" and "training", those that were
            measured: of image files, and where a clock may be read.
        stopped_early: Whether no epoch had been better for as long as the recipe waits.
        interrupted: Whether Ctrl-C, SIGTERM or SIGHUP ended it.
        failure: What ended it, where that was a loss that is NaN or infinite.
    """

    history: dict[str, list[float]]
    best_epoch: int | None
    kept: str | None
    seconds: float
    step_seconds: float
    waited_seconds: float
    rates: dict[str, float]
    stopped_early: bool
    interrupted: bool
    failure: TrainingError | None


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


def fit(
    model: keras.Model,
    data: ImageData,
    recipe: Recipe,
    callbacks: Sequence[keras.callbacks.Callback] = (),
    *,
    checkpoint: Checkpoint | None = None,
    resumed: Mapping[str, Any] | None = None,
    started: float | None = None,
    announce: Callable[[], None] = lambda: None,
    report: Callable[[str], None] | None = tell,
    optimizer: Sequence[np.ndarray] | None = None,
    head: Collection[str] | None = None,
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
        checkpoint: Where the state, and the snapshots that the recipe asks for, are kept while
            training goes on.
        resumed: What `checkpoint.read()` gave: continues there.
        started: When the time limit began to run, by `time.perf_counter`; now if None.
        announce: Called when a signal asks for the end, before the step has ended.
        report: Called with a line for each epoch; `tell` has a bar beside them on a terminal, None
            shows nothing.
        optimizer: The variables of another run's optimizer, to go on from.
        head: Names of the layers that are trained first, and have the full learning rate; from the
            model if None. Where a run is resumed, they are those that it has had.

    Returns:
        How it went. Ctrl-C, and a loss that is not finite, are outcomes, not exceptions.

    Raises:
        UserError: If a batch does not fit into memory; names the largest that does. If image files
            cannot be read any more; names them.
    """
    spec = recipe.training
    epoch, step = (resumed["epoch"], resumed["step"]) if resumed else (0, 0)
    position = Position(epoch, step, steps_per_epoch(data, spec))
    wait = DataWait(enabled=not (spec.deterministic or ops_are_deterministic()))
    files = isinstance(data.splits["train"].images, FileImages)
    stages = Stages() if files and wait.enabled else None
    stream = training_stream(model, data, recipe, epoch=epoch, step=step, stages=stages)
    batches = wait.watch(stream)
    view = recipe.augment.test_time.central  # what the scores after training see first of all
    validation = view_batches(data, "validation", view, batch_size=spec.images_per_step)
    validation = with_targets(validation, model, recipe)
    schedule = build_schedule(data, recipe)
    head = (resumed or {}).get("head") or head or head_layers(model)
    compile_model(model, recipe, schedule, data.classes, head)
    if resumed:
        schedule.first = resumed.get("first_step", 0)
    elif optimizer is not None and not carry_on(model, schedule, optimizer) and report:
        report("the optimizer starts anew: it has other variables than that run's")
    if step:  # Keras builds the metrics, whose means go on, when they first see a batch
        model.evaluate(validation.take(1), verbose=0)
    budget = _budget(data, recipe, schedule, position, started)
    finite = FiniteLoss(position, recipe.optimizer.learning_rate)
    monitor = monitored(recipe)
    best = BestWeights(last=spec.keep == "last", monitor=monitor)
    rates = Rates(data.splits["train"].size, wait, position)
    progress = EpochLines(
        budget, spec.images_per_step, report, figure=targets_of(recipe).figure, monitor=monitor
    )
    stopping = []
    if spec.early_stopping:
        stopping = [
            keras.callbacks.EarlyStopping(
                monitor=f"val_{monitor}",
                mode="min" if monitor == "loss" else "max",
                patience=spec.early_stopping,
                start_from_epoch=spec.head_epochs,
            )
        ]
    head_first = HeadFirst(
        head, spec.head_epochs, position=position, budget=budget, schedule=schedule
    )
    history = keras.callbacks.History()
    interruption = Interruption(position, announce)
    ordered = [
        position,
        budget,
        *([head_first] if spec.head_epochs else []),
        *([keras.callbacks.SwapEMAWeights()] if recipe.optimizer.ema else []),
        *([MainHead()] if heads_of(model) else []),
        rates,  # early: the ones below read its values
        finite,
        best,
        *(
            [Snapshots(checkpoint.snapshots, spec.snapshots, epoch=epoch, resumed=bool(resumed))]
            if spec.snapshots and checkpoint
            else []
        ),
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
        about={
            "recipe": recipe.model_dump(mode="json"),
            "fingerprint": data.fingerprint,
            "first_step": schedule.first,
            "head": sorted(head),
        },
        minutes=spec.checkpoint_minutes,
        resumed=resumed,
    )
    stepwise = any(watches_steps(callback) for callback in callbacks)
    per_call = 1 if stepwise else steps_per_call(analyze(model), spec.images_per_step)
    interrupted, failure = False, None
    try:
        with (
            interruption,
            named_failures(data),
            executions(model, position, budget, per_call) as head_first.renew,
        ):
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
        head_first.release()
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
        rates={**stages.rates(), **training_rate(history.history)} if stages else {},
        stopped_early=any(callback.stopped_epoch for callback in stopping),
        interrupted=interrupted,
        failure=failure,
    )
