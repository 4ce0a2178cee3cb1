"""The main job: a recipe becomes a trained, tracked, evaluated network."""

from __future__ import annotations

import math
import tempfile
import time
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kerascnn import notebook, provenance, tracking
from kerascnn.augment.views import ViewSpec, named
from kerascnn.backend import keras
from kerascnn.checkpoints import checkpoint_of, remove_old_checkpoints
from kerascnn.data.dataset import ImageData
from kerascnn.data.folders import find_images
from kerascnn.data.loading import load
from kerascnn.data.matching import matched, whole
from kerascnn.errors import TrainingError, UserError, unknown
from kerascnn.evaluation.calibration import at_temperature, fit_temperature
from kerascnn.evaluation.committee import committee
from kerascnn.evaluation.predictions import Predictions, file_of, write_predictions
from kerascnn.evaluation.scores import Scores, predict_split, score
from kerascnn.evaluation.stress import IMAGES, StressTest, stress_test
from kerascnn.hardware import default_device
from kerascnn.kernels.table import quicken
from kerascnn.models.own import import_own, source_digest
from kerascnn.recipe import Recipe, load_recipe
from kerascnn.report.artifacts import write_artifacts, write_scores
from kerascnn.scratch import scratch_folder
from kerascnn.serving import archive
from kerascnn.serving.archive import SavedModel, save_model
from kerascnn.serving.predict import Prediction, predictions
from kerascnn.serving.temperature import with_temperature
from kerascnn.text import first_names, tell
from kerascnn.tracking import Run
from kerascnn.training.checkpoint_file import Checkpoint
from kerascnn.training.fit import Outcome
from kerascnn.training.lr_find import RangeTest, range_test
from kerascnn.training.session import Report, Session, assemble
from kerascnn.visualization.curves import draw_curves
from kerascnn.visualization.writing import png_of

# Tags of a run whose network is one's own: the file that made it, and its SHA-256.
_SOURCE, _DIGEST = "model_source", "model_source_sha256"
_FINGERPRINT = "data_fingerprint"


@dataclass(frozen=True)
class Trained:
    """What `train` leaves.

    Attributes:
        run: As tracked; `run.status` is KILLED after Ctrl-C.
        model: With the weights of its best epoch.
        scores: The scores of the splits "train", "validation" and "test"; empty after Ctrl-C.
    """

    run: Run
    model: SavedModel
    scores: dict[str, Scores]

    def __repr__(self) -> str:
        """On one line."""
        reached = (
            f"test accuracy {self.scores['test'].accuracy:.2%}"
            if "test" in self.scores
            else self.run.status.lower()
        )
        return f"<Trained {self.run.name} ({self.run.id[:8]}): {reached}>"

    def _repr_html_(self) -> str:
        """The scores of every split, and the learning curves."""
        rows = [
            (split, f"{scores.accuracy:.2%}", f"{scores.loss:.4f}", scores.count)
            for split, scores in self.scores.items()
        ]
        scores = notebook.table(("split", "accuracy", "loss", "images"), rows)
        curves = notebook.picture(png_of(draw_curves({self.run.name: self.run.history})))
        return notebook.heading(repr(self).strip("<>")) + scores + curves


def load_model(source: Run | str | Path) -> SavedModel:
    """Reads the trained network of a run, or of a model.keras file.

    Args:
        source: A run, what `load_run` takes, or the path of a file that ends in .keras.

    Raises:
        UserError: For an unknown run or one without a model, or a file that is missing, damaged or
            not kerascnn's.
    """
    if isinstance(source, Run):
        return _load_model_of(source)
    if Path(source).suffix == ".keras":
        return archive.load_model(source)
    return load_model(tracking.load_run(str(source)))


def _load_model_of(run: Run) -> SavedModel:
    """Reads a run's model; one's own layers come from the file that made it, if still the same."""
    path, own = run.artifact("model.keras"), run.tags.get(_SOURCE)
    if own is None:
        return archive.load_model(path)
    same = Path(own).is_file() and source_digest(Path(own)) == run.tags[_DIGEST]
    modules = [import_own(Path(own)).__name__] if same else []
    try:
        return archive.load_model(path, modules)
    except UserError as error:
        if same:
            raise
        now = "has changed since" if Path(own).is_file() else "is not there any more"
        digest = run.tags[_DIGEST][:12]
        raise UserError(
            f"{error}; run {run.name} was made by {own} (SHA-256 {digest}...), which {now}"
        ) from None


def weights_of(source: str) -> keras.Model:
    """Returns the network whose weights another one starts from, as `load_model` finds it."""
    return load_model(source).model


def train(
    recipe: Recipe | str | Path | Mapping[str, Any],
    data: str | None = None,
    *,
    name: str | None = None,
    callbacks: Sequence[keras.callbacks.Callback] = (),
    report: Report | None = tell,
    settings: Iterable[str] = (),
    **fields: Any,
) -> Trained:
    """Trains a recipe's network, tracks the run in MLflow and scores it on every split.

        kerascnn.train("lenet5", "digits", epochs=5, learning_rate=3e-3)

    Args:
        recipe: A recipe, or what `load_recipe` reads: its name, its file, its values; with `data`,
            the name of a network.
        data: Name of the data set, where `recipe` is a network.
        name: The name of the run.
        callbacks: Callbacks of Keras, called after the package's own.
        report: Called with each line for the user; None shows nothing.
        settings: Overrides such as "model.filters=64", as `--set` takes them.
        **fields: Overrides by the words of the command line, such as `epochs=5`.

    Raises:
        UserError: For a recipe that cannot be, data that cannot be read, a network that cannot take
            it, or a tracking
            store that cannot be written; no run is left behind.
        TrainingError: If the loss becomes NaN or infinite; the last good weights are in the run.
    """
    started = time.perf_counter()
    recipe = load_recipe(recipe, settings, data=data, **fields)
    tracking.check_name(name)
    tracking.check_store()
    remove_old_checkpoints()
    session = assemble(recipe, weights_of=weights_of, report=report)
    tags = provenance.tags() | {
        _FINGERPRINT: session.data.fingerprint,
        "device_reason": session.device.reason,
        "precision_reason": session.precision.reason,
    }
    own = session.recipe.model.entry.source
    if own is not None:
        tags |= {_SOURCE: str(own.resolve()), _DIGEST: source_digest(own)}
    with tracking.start_run(session.recipe, name, tags, _params(session)) as active:
        if report:
            report(f"run {active.name} ({active.id[:8]})")
        checkpoint = checkpoint_of(active.id)
        with checkpoint.locked():
            saved, scores = _fit(
                active, session, checkpoint, report, callbacks=callbacks, started=started
            )
    return _finished(active.id, saved, scores)


def resume(
    run: Run | str,
    *,
    callbacks: Sequence[keras.callbacks.Callback] = (),
    report: Report | None = tell,
) -> Trained:
    """Continues a run that was interrupted, killed or failed, from its newest checkpoint.

    One that has none yet starts again.

    It stays the same run, of the same recipe. With `training.deterministic` its weights become
    those of a run that was never interrupted, bit for bit.

    Args:
        run: From `load_run`, or what that takes.
        callbacks: Callbacks of Keras; those that the run was started with, in the same order.
        report: Called with each line for the user; None shows nothing.

    Raises:
        UserError: If the run is finished or being trained, its checkpoint is damaged or of a format
            that this version does not read, or its data has changed.
    """
    tracking.check_store()
    run = tracking.load_run(run) if isinstance(run, str) else run
    if run.status == "FINISHED":
        raise UserError(f"run {run.name} is finished: there is nothing to resume")
    checkpoint = checkpoint_of(run.id)
    with checkpoint.locked():
        # What was killed before its first checkpoint starts again, as the same run.
        state = checkpoint.read() if checkpoint.path.exists() else None
        if state is None:
            session = assemble(run.recipe, weights_of=weights_of)
            fingerprint, where = run.tags.get(_FINGERPRINT), "starts again: it has no checkpoint"
        else:
            session = assemble(Recipe(**state["recipe"]))
            step = f", step {state['step']}" if state["step"] else ""
            fingerprint, where = state["fingerprint"], f"goes on after epoch {state['epoch']}{step}"
        data = session.data
        if data.fingerprint != fingerprint:
            raise UserError(
                f"run {run.name}: {data.name} has changed since it was started (fingerprint "
                f"{data.fingerprint}, was {fingerprint}); start it anew"
            )
        if report:
            report(data.describe())
            report(f"run {run.name} ({run.id[:8]}) {where}")
        with tracking.resume_run(run, _params(session)) as active:
            saved, scores = _fit(
                active, session, checkpoint, report, callbacks=callbacks, resumed=state
            )
    return _finished(run.id, saved, scores)


def _params(session: Session) -> dict[str, Any]:
    """Returns what a run is tracked with beside its recipe."""
    return {
        "parameters": session.parameters,
        "macs": session.analysis.macs,
        "device": session.device.name,
        "precision": session.precision.policy,
    }


def _fit(
    active: tracking.ActiveRun,
    session: Session,
    checkpoint: Checkpoint,
    report: Report | None,
    *,
    callbacks: Sequence[keras.callbacks.Callback],
    resumed: Mapping[str, Any] | None = None,
    started: float | None = None,
) -> tuple[SavedModel, dict[str, Scores]]:
    """Trains from the beginning or a checkpoint, scores, and logs what the run leaves."""
    logger = keras.callbacks.LambdaCallback(
        on_epoch_end=lambda epoch, logs: active.log_epoch(logs, epoch)
    )
    say = report or (lambda line: None)
    outcome = session.fit(
        [logger, *callbacks],
        checkpoint=checkpoint,
        resumed=resumed,
        started=started,
        announce=lambda: say(f"to go on: kerascnn train --resume {active.name}"),
        report=report,
    )
    predictions: dict[str, Predictions] = {}
    if outcome.interrupted:
        active.mark_killed()
        say(
            f"interrupted: kept the weights of {outcome.kept}"
            if outcome.kept
            else "interrupted: no epoch had ended, no model to keep"
        )
    elif outcome.failure is None:
        for line in _notes(outcome, session):
            say(line)
        predictions = {split: session.predict(split) for split in session.data.splits}
    scores = {split: score(found) for split, found in predictions.items()}
    figures = {"train_seconds": outcome.seconds}
    if outcome.best_epoch is not None:
        figures["best_epoch"] = outcome.best_epoch + 1
    for split, values in scores.items():
        figures |= values.metrics(split)
    active.log_metrics(figures, step=len(outcome.history.get("loss", ())))
    saved = SavedModel(session.network, session.data.classes, session.recipe)
    with tempfile.TemporaryDirectory(dir=scratch_folder()) as folder:
        kept = saved if outcome.kept is not None else None
        write_artifacts(
            Path(folder), active.name, session.recipe, kept, outcome.history, predictions
        )
        active.log_files(Path(folder))
    if outcome.failure:
        where = f"kept the weights of {outcome.kept}" if outcome.kept else "no weights to keep"
        raise TrainingError(f"{outcome.failure}; {where}")
    share = outcome.waited_seconds / outcome.step_seconds if outcome.step_seconds else 0.0
    if share > 0.2:
        warnings.warn(
            f"{share:.0%} of the training time was spent waiting for data, not computing",
            stacklevel=3,
        )
    return saved, scores


def _notes(outcome: Outcome, session: Session) -> Iterator[str]:
    """Yields what is to be said of a training that ended by itself."""
    losses = outcome.history["loss"]
    spec = session.recipe.training
    if outcome.stopped_early:
        planned = f" of {spec.epochs}" if spec.epochs else ""
        yield (
            f"ended after epoch {len(losses)}{planned}: no lower validation loss in "
            f"{spec.early_stopping} epochs (training.early_stopping)"
        )
    guessing = math.log(len(session.data.classes))
    if losses[-1] > 20 * guessing:
        yield (
            f"the loss is {losses[-1]:.3g}, where guessing has {guessing:.3g}: the learning rate, "
            f"{session.recipe.optimizer.learning_rate:g}, is likely too high"
        )


def _finished(run_id: str, saved: SavedModel, scores: dict[str, Scores]) -> Trained:
    run = tracking.load_run(run_id)
    if run.status == "FINISHED":
        checkpoint_of(run_id).remove()
    return Trained(run, saved, scores)


def evaluate(
    run: Run | str,
    split: str | None = None,
    *,
    tta: str | None = None,
    data: str | None = None,
    report: Report | None = tell,
) -> Scores:
    """Scores a run's model on every example of a split, of its own data or of other.

    On its own data, in the views of its recipe, what the model says of every example is kept in the
    run; `kerascnn errors`, `compare` and `report` read it.

    Args:
        run: From `load_run`, or what that takes.
        split: "train", "validation" or "test"; None for "test", and for all images of other data.
        tta: Name of the views of each image to average over, such as "flips"; None for those of the
            recipe.
        data: Name of other data; its classes are matched by name.
        report: Called with what does not match; None shows nothing.

    Raises:
        UserError: For an unknown run or split, data that is not there any more or has changed
            since, or other data that has none of the classes.
    """
    run = tracking.load_run(run) if isinstance(run, str) else run
    saved = load_model(run)
    loaded = _own_data(run) if data is None else _other_data(saved, data, report)
    split = split or ("test" if data is None else "all")
    if split not in loaded.splits:
        raise unknown("split", split, loaded.splits)
    views = run.recipe.augment.test_time if tta is None else ViewSpec(**named(tta))
    device = default_device()
    predictions = predict_split(quicken(saved.model, device), loaded, split, views)
    scores = score(predictions)
    if tta is None and data is None:
        with tempfile.TemporaryDirectory(dir=scratch_folder()) as folder:
            write_predictions(predictions, Path(folder) / file_of(split))
            write_scores(Path(folder), run.name, scores)
            tracking.log_files(run.id, Path(folder))
    return scores


def _other_data(saved: SavedModel, name: str, report: Report | None) -> ImageData:
    """Loads data that a model was not trained on, as the model takes it; "all" is all of it."""
    height, width, channels = saved.model.input_shape[1:]
    own = saved.recipe.data
    spec = own.model_copy(
        update={
            "name": name,
            "image_size": (height, width),
            "colour": "rgb" if channels == 3 else "grey",
            "train_fraction": 1.0,
            "train_on_validation": False,
            "balance": "none",
            "fix_list": None,
        }
    )
    found = matched(whole(load(spec)), saved.classes)
    if report and found.unknown:
        count = sum(found.unknown.values()) // 2  # they are in "all", too
        names = first_names(list(found.unknown))
        report(f"left out: {count:,} images of classes that the model does not know: {names}")
    if report and found.missing:
        report(f"{name} has no images of {first_names(found.missing)}")
    return found.data


def _own_data(run: Run) -> ImageData:
    """Loads the data of a run, which must be what it was trained on."""
    data = load(run.recipe.data)
    was = run.tags.get(_FINGERPRINT, data.fingerprint)
    if data.fingerprint != was:
        raise UserError(
            f"run {run.name}: {data.name} has changed since it was trained (fingerprint "
            f"{data.fingerprint}, was {was}); to score it on what is there now: --data {data.name}"
        )
    return data


def stress(
    run: Run | str,
    split: str = "test",
    *,
    kinds: Sequence[str] = (),
    images: int = IMAGES,
    advance: Callable[[int], None] | None = None,
) -> StressTest:
    """Scores a run's model under distortions, and measures how far they move its layers.

    Args:
        run: From `load_run`, or what that takes.
        split: "train", "validation" or "test".
        kinds: Names of distortions, such as "rotation"; all if there are none.
        images: How many at most; a random sample of larger splits.
        advance: Called with the number of images done since the last call.

    Raises:
        UserError: For an unknown run, split or distortion, or data that has changed since.
    """
    run = tracking.load_run(run) if isinstance(run, str) else run
    model = quicken(load_model(run).model, default_device())
    data = _own_data(run)
    return stress_test(model, data, split, kinds=kinds, images=images, advance=advance)


def evaluate_together(
    runs: Sequence[Run | str],
    split: str | None = None,
    *,
    tta: str | None = None,
    data: str | None = None,
    report: Report | None = tell,
) -> tuple[list[Scores], Scores]:
    """Scores runs as one committee, whose answer is the mean of their probabilities.

    What a run's model says of its own data in its own views is read where it is kept.

    Args:
        runs: Two or more, each from `load_run`, or what that takes.
        split: As for `evaluate`.
        tta: As for `evaluate`.
        data: As for `evaluate`.
        report: As for `evaluate`.

    Returns:
        The scores of each run, and those of all together.

    Raises:
        UserError: As `evaluate`; if the runs do not answer with the same classes, or were scored on
            other examples.
    """
    found = [tracking.load_run(run) if isinstance(run, str) else run for run in runs]
    members = []
    for run in found:
        kept = tta is None and data is None and run.has(file_of(split or "test"))
        members.append(
            score(run.predictions(split or "test"))
            if kept
            else evaluate(run, split, tta=tta, data=data, report=report)
        )
    return members, score(committee([member.predictions for member in members]))


@dataclass(frozen=True)
class Calibrated:
    """A model whose confidence has been set right.

    Attributes:
        temperature: That the logits were divided by: above 1 the model had been too sure.
        before: What it said of the test images.
        after: What it says now.
    """

    temperature: float
    before: Predictions
    after: Predictions


def calibrate(run: Run | str) -> Calibrated:
    """Fits a temperature on a run's validation images, and keeps it in the run's model.

    Its answers stay; `predict` and `evaluate` give the probabilities as they are now. What is kept
    of the run's examples is brought to them too.

    Args:
        run: From `load_run`, or what that takes.

    Raises:
        UserError: For an unknown run, one without a model or predictions, or one that was trained
            on its validation images.
    """
    run = tracking.load_run(run) if isinstance(run, str) else run
    if run.recipe.data.train_on_validation:
        raise UserError(
            f"run {run.name} was trained on its validation images (data.train_on_validation): "
            "none are left to fit a temperature on"
        )
    saved = load_model(run)
    kept = {split: run.predictions(split) for split in ("validation", "test")}
    if run.has(file_of("train")):
        kept["train"] = run.predictions("train")
    temperature = fit_temperature(kept["validation"])
    now = {split: at_temperature(table, temperature) for split, table in kept.items()}
    with tempfile.TemporaryDirectory(dir=scratch_folder()) as folder:
        model = with_temperature(saved.model, temperature)
        save_model(SavedModel(model, saved.classes, saved.recipe), Path(folder) / "model.keras")
        for split, table in now.items():
            write_predictions(table, Path(folder) / file_of(split))
        tracking.log_files(run.id, Path(folder))
    return Calibrated(temperature, kept["test"], now["test"])


def predict(
    model: SavedModel | Run | str | Path, paths: str | Path | Iterable[str | Path], *, top: int = 3
) -> list[Prediction]:
    """Classifies image files, and every image file in folders.

    Args:
        model: From `load_model`, or what that takes.
        paths: Files and folders, or one of them.
        top: How many classes to give for each file.

    Returns:
        One prediction per file, in order; an unreadable one has its `error` set instead of classes.

    Raises:
        UserError: For a model or a path that is not there.
    """
    files = find_images([paths] if isinstance(paths, str | Path) else paths)
    saved = model if isinstance(model, SavedModel) else load_model(model)
    return list(predictions(saved, files, top=top))


def lr_find(
    recipe: Recipe | str | Path | Mapping[str, Any],
    data: str | None = None,
    *,
    low: float = 1e-6,
    high: float = 10.0,
    steps: int = 200,
    settings: Iterable[str] = (),
    **fields: Any,
) -> RangeTest:
    """Finds a learning rate by a range test; nothing is tracked and nothing is kept.

    Args:
        recipe: As for `train`.
        data: As for `train`.
        low: First learning rate; positive.
        high: Last learning rate; above `low`.
        steps: Batches to train on; at least 10.
        settings: As for `train`.
        **fields: As for `train`.

    Raises:
        UserError: For a range or number of steps that cannot be, or if the loss never fell.
    """
    loaded = load_recipe(recipe, settings, data=data, **fields)
    return range_test(assemble(loaded, weights_of=weights_of), low=low, high=high, steps=steps)
