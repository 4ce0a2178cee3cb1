"""The main job: a recipe becomes a trained, tracked, evaluated network."""

from __future__ import annotations

import math
import tempfile
import time
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kerascnn import provenance, tracking
from kerascnn.arithmetic import Analysis, analyze
from kerascnn.backend import keras
from kerascnn.checkpoint import Checkpoint
from kerascnn.data import ImageData, load
from kerascnn.errors import TrainingError, UserError, unknown
from kerascnn.evaluation import Scores, predict_logits, score
from kerascnn.models.adaptation import adapt
from kerascnn.models.archive import SavedModel, load_model, save_model
from kerascnn.models.build import build_model, main_head
from kerascnn.recipe import Recipe
from kerascnn.tracking import Run
from kerascnn.training.batch_size import from_free_memory
from kerascnn.training.device import Device, choose_device
from kerascnn.training.fit import check, fit, seed_everything, settle_batch_size
from kerascnn.training.initialization import copy_weights, freeze
from kerascnn.training.precision import Precision, choose_precision


@dataclass(frozen=True)
class Trained:
    """What `train` leaves.

    Attributes:
        run: As tracked; `run.status` is KILLED after Ctrl-C.
        model: With the weights of its best epoch.
        scores: Of the splits "train", "validation" and "test"; empty after Ctrl-C.
    """

    run: Run
    model: SavedModel
    scores: dict[str, Scores]


def score_split(saved: SavedModel, data: ImageData, split: str) -> Scores:
    """Scores a model on every example of a split, through its recipe's test-time views.

    Of "train", whose scores only tell how far the others are behind, through the central view.
    """
    views = saved.recipe.augment.test_time
    logits = predict_logits(saved.model, data, split, views.central if split == "train" else views)
    return score(logits, data.splits[split].labels, saved.classes)


def describe(data: ImageData) -> str:
    """Returns the sizes of a data set on one line."""
    height, width, channels = data.image_shape
    sizes = ", ".join(f"{split.size:,} {name}" for name, split in data.splits.items())
    return (
        f"{data.name}: {sizes} images of {height}x{width}x{channels}, {len(data.classes)} classes"
    )


def build(
    recipe: Recipe, data: ImageData, precision: Precision, *, abstract: bool = False
) -> keras.Model:
    """Builds a recipe's network for its data, seeded.

    Args:
        recipe: Its model and training are read.
        data: Gives the shape of the images, their statistics and the number of classes.
        precision: What the layers compute with.
        abstract: Build it for its shapes alone.

    Raises:
        UserError: For a network that cannot take the images.
    """
    if not abstract:
        seed_everything(recipe.training)  # initial weights and dropout draw from it
    with precision.scope():
        model = build_model(
            recipe.model,
            input_shape=data.image_shape,
            classes=len(data.classes),
            statistics=None if abstract else data.statistics,
            abstract=abstract,
        )
    if not abstract:
        adapt(model, data)
    return model


def prepare(recipe: Recipe, *, abstract: bool = False) -> tuple[ImageData, keras.Model]:
    """Loads a recipe's data and builds its network for it, as `train` does before it trains.

    Args:
        recipe: Its data, model and training are read.
        abstract: Build the network for its shapes alone.

    Raises:
        UserError: For data that cannot be read, a network that cannot take it, or an optimizer
            that asks for what the network does not have.
    """
    data = load(recipe.data)
    model = _outline(recipe, data)
    if not abstract:
        device = choose_device(recipe.training)
        with device.scope():
            precision = choose_precision(recipe.training, analyze(model), device)
            model = build(recipe, data, precision)
    freeze(model, recipe.training.freeze)
    check(model, data, recipe)
    return data, model


def expected_batch_size(recipe: Recipe, model: keras.Model, data: ImageData) -> int:
    """Returns a recipe's batch size, or what "auto" would make of it on the processor now."""
    size = recipe.training.batch_size
    if size == "auto":
        return from_free_memory(analyze(model), data.splits["train"].size)[0]
    return size


def _outline(recipe: Recipe, data: ImageData) -> keras.Model:
    return build(recipe, data, Precision("float32", "for its shapes alone"), abstract=True)


def _trained_parameters(model: keras.Model) -> int:
    return sum(math.prod(weight.shape) for weight in model.trainable_weights)


def _initialize(model: keras.Model, recipe: Recipe) -> str:
    """Copies weights from the run that the recipe names; returns what to tell the user."""
    source = recipe.training.initialize
    assert source is not None
    if not source.endswith(".keras"):
        source = str(tracking.load_run(source).artifact("model.keras"))
    taken = copy_weights(model, load_model(source).model, recipe.training.initialize_layers)
    return f"initialized from {recipe.training.initialize}: {taken}"


def train(
    recipe: Recipe, *, name: str | None = None, report: Callable[[str], None] = print
) -> Trained:
    """Trains a recipe's network, tracks the run in MLflow and scores it on every split.

    Args:
        recipe: From `load_recipe`, or built in Python.
        name: Of the run.
        report: Called with each line for the user.

    Raises:
        UserError: For data that cannot be read, a network that cannot take it, or a tracking
            store that cannot be written; no run is left behind.
        TrainingError: If the loss becomes NaN or infinite; the last good weights are in the run.
    """
    started = time.perf_counter()
    tracking.check_store()
    device = choose_device(recipe.training)
    with device.scope():
        ready = set_up(recipe, device, report)
        tags = provenance.tags() | {"data_fingerprint": ready.data.fingerprint} | ready.reasons
        with tracking.start_run(ready.recipe, name, tags, ready.params) as active:
            report(f"run {active.name} ({active.id[:8]})")
            checkpoint = _checkpoint(active.id)
            with checkpoint.locked():
                saved, scores = _fit(
                    active,
                    ready.model,
                    ready.data,
                    ready.recipe,
                    report,
                    checkpoint,
                    started=started,
                )
    return _finished(active.id, saved, scores)


@dataclass(frozen=True)
class Ready:
    """A network about to be trained.

    Attributes:
        recipe: As given, its batch size a number.
        data: Loaded.
        model: Built, initialized and frozen as the recipe says; not compiled.
        analysis: What the network costs.
        params: Known beside the recipe: trained parameters, device and precision.
        reasons: Why this device and this precision.
    """

    recipe: Recipe
    data: ImageData
    model: keras.Model
    analysis: Analysis
    params: dict[str, Any]
    reasons: dict[str, str]


def set_up(recipe: Recipe, device: Device, report: Callable[[str], None]) -> Ready:
    """Does all that comes before the first step of training.

    Args:
        recipe: As given.
        device: What the network trains on; its scope is entered.
        report: Called with each line for the user.

    Raises:
        UserError: For data that cannot be read, or a network that cannot take it.
    """
    data = load(recipe.data)
    report(describe(data))
    analysis = analyze(_outline(recipe, data))
    precision = choose_precision(recipe.training, analysis, device)
    model = build(recipe, data, precision)
    parameters = _trained_parameters(model)
    report(f"{recipe.model.name}: {parameters:,} parameters, on {provenance.hardware()}")
    report(f"device {device}, precision {precision}")
    if recipe.training.initialize is not None:
        report(_initialize(model, recipe))
    if frozen := freeze(model, recipe.training.freeze):
        report(f"frozen: {', '.join(frozen)}; {_trained_parameters(model):,} parameters train")
    if recipe.training.batch_size == "auto":
        recipe, reason = settle_batch_size(model, data, recipe, device)
        report(f"batch size {recipe.training.batch_size} ({reason})")
    check(model, data, recipe)
    params = {"parameters": parameters, "device": device.name, "precision": precision.policy}
    reasons = {"device_reason": device.reason, "precision_reason": precision.reason}
    return Ready(recipe, data, model, analysis, params, reasons)


def resume(run: Run | str, *, report: Callable[[str], None] = print) -> Trained:
    """Continues a run that was interrupted, killed or failed, from its newest checkpoint.

    It stays the same run, of the same recipe. With `training.deterministic` its weights become
    those of a run that was never interrupted, bit for bit.

    Args:
        run: From `load_run`, or what that takes.
        report: Called with each line for the user.

    Raises:
        UserError: If the run is finished or being trained, has no checkpoint or a damaged one, or
            was started by another version of kerascnn or on other data.
    """
    tracking.check_store()
    run = tracking.load_run(run) if isinstance(run, str) else run
    if run.status == "FINISHED":
        raise UserError(f"run {run.name} is finished: there is nothing to resume")
    checkpoint = _checkpoint(run.id)
    if not checkpoint.path.exists():
        raise UserError(
            f"run {run.name} ({run.status}) has no checkpoint at {checkpoint.path}: start it anew"
        )
    with checkpoint.locked():
        state = checkpoint.read()
        recipe = Recipe(**state["recipe"])
        data, model = prepare(recipe)
        if data.fingerprint != state["fingerprint"]:
            raise UserError(
                f"run {run.name}: {data.name} has changed since it was started (fingerprint "
                f"{data.fingerprint}, was {state['fingerprint']}); start it anew"
            )
        report(describe(data))
        report(
            f"run {run.name} ({run.id[:8]}) goes on after epoch {state['epoch']}"
            + (f", step {state['step']}" if state["step"] else "")
        )
        with choose_device(recipe.training).scope(), tracking.resume_run(run) as active:
            saved, scores = _fit(active, model, data, recipe, report, checkpoint, state)
    return _finished(run.id, saved, scores)


def _checkpoint(run_id: str) -> Checkpoint:
    """The checkpoint is local, wherever the tracking store is."""
    return Checkpoint(Path(tracking.STORE_FOLDER).resolve() / "checkpoints" / run_id)


def _fit(
    active: tracking.ActiveRun,
    model: keras.Model,
    data: ImageData,
    recipe: Recipe,
    report: Callable[[str], None],
    checkpoint: Checkpoint,
    resumed: Mapping[str, Any] | None = None,
    *,
    started: float | None = None,
) -> tuple[SavedModel, dict[str, Scores]]:
    """Trains from the beginning or a checkpoint, scores, and logs what the run leaves."""
    saved = SavedModel(main_head(model), data.classes, recipe)
    logger = keras.callbacks.LambdaCallback(
        on_epoch_end=lambda epoch, logs: active.log_epoch(logs, epoch)
    )
    outcome = fit(
        model, data, recipe, [logger], checkpoint=checkpoint, resumed=resumed, started=started
    )
    scores = {}
    if outcome.interrupted:
        active.mark_killed()
        report(
            f"interrupted: kept the weights of {outcome.kept}"
            if outcome.kept
            else "interrupted: no epoch had ended, no model to keep"
        )
        if checkpoint.path.exists():
            report(f"to go on: kerascnn train --resume {active.name}")
    elif outcome.failure is None:
        scores = {split: score_split(saved, data, split) for split in data.splits}
    figures = {"train_seconds": outcome.seconds}
    if outcome.best_epoch is not None:
        figures["best_epoch"] = outcome.best_epoch + 1
    for split, values in scores.items():
        figures |= values.metrics(split)
    active.log_metrics(figures, step=len(outcome.history.get("loss", ())))
    _log_artifacts(active, saved, outcome.history, scores, kept=outcome.kept is not None)
    if outcome.failure:
        kept = f"kept the weights of {outcome.kept}" if outcome.kept else "no weights to keep"
        raise TrainingError(f"{outcome.failure}; {kept}")
    share = outcome.waited_seconds / outcome.step_seconds if outcome.step_seconds else 0.0
    if share > 0.2:
        warnings.warn(
            f"{share:.0%} of the training time was spent waiting for data, not computing",
            stacklevel=3,
        )
    return saved, scores


def _finished(run_id: str, saved: SavedModel, scores: dict[str, Scores]) -> Trained:
    run = tracking.load_run(run_id)
    if run.status == "FINISHED":
        _checkpoint(run_id).remove()
    return Trained(run, saved, scores)


def _log_artifacts(
    active: tracking.ActiveRun,
    saved: SavedModel,
    history: dict[str, list[float]],
    scores: dict[str, Scores],
    *,
    kept: bool,
) -> None:
    from kerascnn.evaluation.tables import write_confusion, write_per_class
    from kerascnn.visualization.confusion import draw_confusion
    from kerascnn.visualization.curves import draw_curves

    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        (folder / "recipe.yaml").write_text(saved.recipe.to_yaml(), encoding="utf-8")
        if kept:
            save_model(saved, folder / "model.keras")
        if history:
            draw_curves({active.name: history}, folder / "learning_curves.png")
        if "test" in scores:
            confusion = scores["test"].confusion
            write_confusion(confusion, saved.classes, folder / "confusion_matrix.csv")
            write_per_class(confusion, saved.classes, folder / "per_class.csv")
            title = f"{active.name}: test accuracy {scores['test'].accuracy:.2%}"
            draw_confusion(confusion, saved.classes, title, folder / "confusion_matrix.png")
        active.log_files(folder)


def evaluate(run: Run | str, split: str = "test") -> Scores:
    """Scores a run's model on every example of a split of its own data.

    Args:
        run: From `load_run`, or what that takes.
        split: "train", "validation" or "test".

    Raises:
        UserError: For an unknown run or split, or data that is not there any more.
    """
    run = tracking.load_run(run) if isinstance(run, str) else run
    data = load(run.recipe.data)
    if split not in data.splits:
        raise unknown("split", split, data.splits)
    return score_split(load_model(run.artifact("model.keras")), data, split)
