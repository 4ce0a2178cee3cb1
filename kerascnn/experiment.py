"""The main job: a recipe becomes a trained, tracked, evaluated network."""

from __future__ import annotations

import math
import tempfile
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from kerascnn import provenance, tracking
from kerascnn.backend import keras
from kerascnn.data import ImageData, load
from kerascnn.errors import unknown
from kerascnn.evaluation import Scores, predict_logits, score
from kerascnn.models.adaptation import adapt
from kerascnn.models.archive import SavedModel, load_model, save_model
from kerascnn.models.build import build_model, main_head
from kerascnn.recipe import Recipe
from kerascnn.tracking import Run
from kerascnn.training.fit import check, fit, seed_everything


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


def _evaluate(saved: SavedModel, data: ImageData, split: str) -> Scores:
    logits = predict_logits(saved.model, data, split, saved.recipe.augment.test_time)
    return score(logits, data.splits[split].labels, saved.classes)


def describe(data: ImageData) -> str:
    """Returns the sizes of a data set on one line."""
    height, width, channels = data.image_shape
    sizes = ", ".join(f"{split.size:,} {name}" for name, split in data.splits.items())
    return (
        f"{data.name}: {sizes} images of {height}x{width}x{channels}, {len(data.classes)} classes"
    )


def prepare(recipe: Recipe, *, abstract: bool = False) -> tuple[ImageData, keras.Model]:
    """Loads a recipe's data and builds its network for it.

    Args:
        recipe: Its data, model and seed are read.
        abstract: Build the network for its shapes alone.

    Raises:
        UserError: For data that cannot be read, a network that cannot take it, or an optimizer
            that asks for what the network does not have.
    """
    data = load(recipe.data)
    if not abstract:
        seed_everything(recipe.training)  # initial weights and dropout draw from it
    model = build_model(
        recipe.model,
        input_shape=data.image_shape,
        classes=len(data.classes),
        statistics=None if abstract else data.statistics,
        abstract=abstract,
    )
    check(model, data, recipe)
    return data, model


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
    """
    tracking.check_store()
    data, model = prepare(recipe)
    saved = SavedModel(main_head(model), data.classes, recipe)
    report(describe(data))
    parameters = sum(math.prod(weight.shape) for weight in model.trainable_weights)
    report(f"{recipe.model.name}: {parameters:,} parameters, on {provenance.hardware()}")
    tags = provenance.tags() | {"data_fingerprint": data.fingerprint}
    with tracking.start_run(recipe, name, tags, {"parameters": parameters}) as active:
        report(f"run {active.name} ({active.id[:8]})")
        logger = keras.callbacks.LambdaCallback(
            on_epoch_end=lambda epoch, logs: active.log_metrics(logs, step=epoch + 1)
        )
        outcome = fit(model, data, recipe, callbacks=[logger])
        scores = {}
        if outcome.interrupted:
            active.mark_killed()
            report(
                "interrupted: no epoch had ended, nothing to keep"
                if outcome.best_epoch is None
                else f"interrupted: kept the weights of epoch {outcome.best_epoch + 1}"
            )
        else:
            scores = {split: _evaluate(saved, data, split) for split in data.splits}
        figures = {"train_seconds": outcome.seconds}
        if outcome.best_epoch is not None:
            figures["best_epoch"] = outcome.best_epoch + 1
        for split, values in scores.items():
            figures |= values.metrics(split)
        active.log_metrics(figures)
        _log_artifacts(active, saved, outcome.history, scores, kept=outcome.best_epoch is not None)
    share = outcome.waited_seconds / outcome.step_seconds if outcome.step_seconds else 0.0
    if share > 0.2:
        warnings.warn(
            f"{share:.0%} of the training time was spent waiting for data, not computing",
            stacklevel=2,
        )
    return Trained(tracking.load_run(active.id), saved, scores)


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
    return _evaluate(load_model(run.artifact("model.keras")), data, split)
