"""The main job: a recipe becomes a trained, tracked, evaluated network."""

from __future__ import annotations

import tempfile
import time
import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kerascnn import notebook, provenance, tracking
from kerascnn.augment.views import ViewSpec, named
from kerascnn.backend import keras
from kerascnn.beside import imported_beside
from kerascnn.checkpoints import checkpoint_of, remove_old_checkpoints
from kerascnn.data.dataset import ImageData
from kerascnn.data.folders import find_images
from kerascnn.errors import TrainingError, UserError
from kerascnn.evaluation.costs import cost_matrix, mean_cost
from kerascnn.evaluation.predictions import file_of, write_predictions
from kerascnn.evaluation.scores import AnyScores, Scores, score
from kerascnn.evaluation.set_predictions import UNCHOSEN, SetPredictions, Table
from kerascnn.folds import SPLIT, final_recipe, fold_metrics, fold_recipe, out_of_fold
from kerascnn.recipe import Recipe, load_recipe
from kerascnn.report import WRITES_WITH
from kerascnn.run_model import load_model, model_tags, start_of
from kerascnn.scratch import scratch_folder
from kerascnn.serving.archive import SavedModel
from kerascnn.serving.predict import Prediction, classifier_of, predictions
from kerascnn.starting_weights import load_recipe_for_weights, settle_weights, weights_of
from kerascnn.text import tell
from kerascnn.tracking import CONTINUES, FINGERPRINT, Run, continued_recipe, run_to_continue
from kerascnn.training.checkpoint_file import Checkpoint
from kerascnn.training.computation import Computation
from kerascnn.training.fit import Outcome
from kerascnn.training.session import Report, Session, assemble, outline
from kerascnn.training.snapshots import FOLDER
from kerascnn.training.targets import monitored, targets_of

if TYPE_CHECKING:
    from kerascnn.training.lr_find import RangeTest


@dataclass(frozen=True)
class Trained:
    """What `train` leaves.

    Attributes:
        run: As tracked; `run.status` is KILLED after Ctrl-C.
        model: With the weights of its best epoch.
        scores: The scores of the splits "train", "validation" and "test"; empty after Ctrl-C. After
            a cross-validation "folds", of every image as the network said that had not seen it,
            and "test" only where the data has test images of its own.
    """

    run: Run
    model: SavedModel
    scores: dict[str, AnyScores]

    def __repr__(self) -> str:
        """On one line."""
        reached = next(
            (
                f"{split} {self.scores[split].headline}"
                for split in ("test", SPLIT)
                if split in self.scores
            ),
            self.run.status.lower(),
        )
        return f"<Trained {self.run.name} ({self.run.id[:8]}): {reached}>"

    def _repr_html_(self) -> str:
        """The scores of every split, and the learning curves."""
        from kerascnn.visualization.curves import draw_curves
        from kerascnn.visualization.writing import png_of

        words, rows = "accuracy", []
        for split, scores in self.scores.items():
            words, _, value = scores.headline.rpartition(" ")
            rows.append((split, value, f"{scores.loss:.4f}", scores.count))
        table = notebook.table(("split", words, "loss", "images"), rows)
        curves = notebook.picture(png_of(draw_curves({self.run.name: self.run.history})))
        return notebook.heading(repr(self).strip("<>")) + table + curves


def train(
    recipe: Recipe | str | Path | Mapping[str, Any] | None = None,
    data: str | None = None,
    *,
    name: str | None = None,
    tags: Mapping[str, str] | None = None,
    callbacks: Sequence[keras.callbacks.Callback] = (),
    report: Report | None = tell,
    settings: Iterable[str] = (),
    **fields: Any,
) -> Trained:
    """Trains a recipe's network, tracks the run in MLflow and scores it on every split.

        kerascnn.train("lenet5", "digits", epochs=5, learning_rate=3e-3)

    With `folds=K` it trains K networks, each tested on a K-th of the images, and one more on all.
    The folds are nested runs of the last one's.

    Args:
        recipe: A recipe, or what `load_recipe` reads: its name, its file, its values; with `data`,
            the name of a network. None with `continue_from=RUN` alone: that run's.
        data: Name of the data set, where `recipe` is a network; with the name of a recipe, instead
            of its own; alone, the rest is what `kerascnn.advise` chooses for it.
        name: The name of the run.
        tags: Tags of your own, for the run and its folds.
        callbacks: Callbacks of Keras, called after the package's own.
        report: Called with each line for the user; None shows nothing.
        settings: Overrides such as "model.filters=64", as `--set` takes them.
        **fields: Overrides by the words of the command line, such as `epochs=5`; with the name of a
            recipe `model`, a network instead of its own.

    Raises:
        UserError: For a recipe that cannot be, data that cannot be read, a network that cannot take
            it, or a tracking
            store that cannot be written; no run is left behind.
        TrainingError: If the loss becomes NaN or infinite; the last good weights are in the run.
    """
    started = time.perf_counter()
    if recipe is None:
        before = fields.get("continue_from")
        if data is not None:
            from kerascnn.advice import advise

            recipe = advise(data, settings, **fields).recipe
        elif before is not None:
            recipe = continued_recipe(run_to_continue(before), settings, **fields)
        else:
            raise UserError("train needs data, a recipe, or continue_from, a run")
    else:
        recipe = load_recipe_for_weights(recipe, settings, data=data, **fields)
    recipe = settle_weights(recipe)
    tracking.check_name(name)
    tags = dict(tags or {})
    tracking.check_tags(tags)
    tracking.check_store()
    remove_old_checkpoints()
    if recipe.training.continue_from is not None:
        # Its id: another run may be the latest, or have the name, where this one is resumed.
        continued = run_to_continue(recipe.training.continue_from)
        recipe = recipe.with_training(continue_from=continued.id)
    if recipe.data.cross_validated:
        return _train_folds(recipe, name, tags, callbacks, report)
    return _train_one(recipe, name, tags, callbacks, report, started=started)


def _train_one(
    recipe: Recipe,
    name: str | None,
    tags: Mapping[str, str],
    callbacks: Sequence[keras.callbacks.Callback],
    report: Report | None,
    *,
    started: float | None = None,
    again: str | None = None,
    computation: Computation | None = None,
) -> Trained:
    """Trains one network; `again` is what `--resume` takes, where that is not the run's name."""
    session = assemble(
        recipe,
        weights_of=weights_of,
        start_of=start_of,
        computation=computation,
        measures=True,
        report=report,
    )
    tags = {
        **_tags(recipe, session.data),
        "device_reason": session.device.reason,
        "precision_reason": session.computation.reason,
        **tags,
    }
    with tracking.start_run(session.recipe, name, tags, _params(session)) as active:
        if report:
            report(f"run {active.name} ({active.id[:8]})")
        checkpoint = checkpoint_of(active.id)
        with checkpoint.locked():
            saved, scores = _fit(
                active, session, checkpoint, report, callbacks=callbacks, started=started,
                again=again,
            )  # fmt: skip
    return _finished(active.id, saved, scores)


def _tags(recipe: Recipe, data: ImageData) -> dict[str, str]:
    """Returns where a run comes from."""
    tags = provenance.tags() | {FINGERPRINT: data.fingerprint}
    if recipe.training.continue_from is not None:
        tags[CONTINUES] = recipe.training.continue_from
    return tags | model_tags(recipe)


def _train_folds(
    recipe: Recipe,
    name: str | None,
    tags: Mapping[str, str],
    callbacks: Sequence[keras.callbacks.Callback],
    report: Report | None,
) -> Trained:
    data, analysis, _ = outline(recipe)
    params = {"parameters": analysis.parameters, "macs": analysis.macs}
    with tracking.start_run(recipe, name, {**tags, **_tags(recipe, data)}, params) as active:
        if report:
            report(data.describe())
            report(f"run {active.name} ({active.id[:8]}): {recipe.data.folds} folds")
        checkpoint = checkpoint_of(active.id)
        with checkpoint.locked():
            saved, scores = _fit_folds(
                active, recipe, data, checkpoint, callbacks, report, tags=tags
            )
    return _finished(active.id, saved, scores)


def _fit_folds(
    active: tracking.ActiveRun,
    recipe: Recipe,
    data: ImageData,
    checkpoint: Checkpoint,
    callbacks: Sequence[keras.callbacks.Callback],
    report: Report | None,
    *,
    tags: Mapping[str, str] | None = None,
) -> tuple[SavedModel, dict[str, AnyScores]]:
    """Trains the folds that are not finished, and then the last network, on all images."""
    say = report or (lambda line: None)
    assert recipe.data.folds is not None
    known = tracking.folds_of(active.id)
    runs: list[Run] = []
    for number in range(1, recipe.data.folds + 1):
        run = known.get(number)
        if run is None or run.status != "FINISHED":
            say(f"\nfold {number} of {recipe.data.folds}")
            if run is None:
                name = f"{active.name}-fold-{number}"
                own = {**(tags or {}), **tracking.fold_tags(active.id, number)}
                one = fold_recipe(recipe, number)
                run = _train_one(
                    one,
                    name,
                    own,
                    callbacks,
                    report,
                    again=active.name,
                    computation=_begun_in(runs[0]) if runs else None,
                ).run
            else:
                run = _resume_one(run, callbacks, report, again=active.name).run
            if run.status == "KILLED":
                raise KeyboardInterrupt
        say(f"fold {number} of {recipe.data.folds}: test accuracy {run.text('test_accuracy')}")
        runs.append(run)
    pooled = out_of_fold([run.predictions("test") for run in runs], data.fingerprint)
    active.log_metrics(fold_metrics([run.metrics for run in runs]))
    with tempfile.TemporaryDirectory(dir=scratch_folder()) as folder:
        write_predictions(pooled, Path(folder) / file_of(SPLIT))
        active.log_files(Path(folder))
    state = checkpoint.read() if checkpoint.path.exists() else None
    last = (
        final_recipe(recipe, [run.metrics["best_epoch"] for run in runs])
        if state is None
        else Recipe(**state["recipe"])
    )
    say(f"\nthe last network: on all {pooled.size:,} images, {last.training.epochs} epochs")
    session = assemble(last, weights_of=weights_of, computation=_begun_in(runs[0]), report=report)
    saved, scores = _fit(active, session, checkpoint, report, callbacks=callbacks, resumed=state)
    return saved, scores | {SPLIT: score(pooled)} if scores else scores


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
    run = tracking.load_run(run, trials=False) if isinstance(run, str) else run
    if run.status == "FINISHED":
        raise UserError(f"run {run.name} is finished: there is nothing to resume")
    if run.recipe.data.cross_validated:
        return _resume_folds(run, callbacks, report)
    return _resume_one(run, callbacks, report)


def _resume_folds(
    run: Run, callbacks: Sequence[keras.callbacks.Callback], report: Report | None
) -> Trained:
    checkpoint = checkpoint_of(run.id)
    with checkpoint.locked():
        data, analysis, _ = outline(run.recipe)
        _check_unchanged(run, data, run.tags.get(FINGERPRINT))
        if report:
            report(data.describe())
            report(f"run {run.name} ({run.id[:8]}) goes on: {run.recipe.data.folds} folds")
        params = {"parameters": analysis.parameters, "macs": analysis.macs}
        with tracking.resume_run(run, params) as active:
            saved, scores = _fit_folds(active, run.recipe, data, checkpoint, callbacks, report)
    return _finished(run.id, saved, scores)


def _check_unchanged(run: Run, data: ImageData, fingerprint: str | None) -> None:
    if data.fingerprint != fingerprint:
        raise UserError(
            f"run {run.name}: {data.name} has changed since it was started (fingerprint "
            f"{data.fingerprint}, was {fingerprint}); start it anew"
        )


def _resume_one(
    run: Run,
    callbacks: Sequence[keras.callbacks.Callback],
    report: Report | None,
    *,
    again: str | None = None,
) -> Trained:
    checkpoint = checkpoint_of(run.id)
    with checkpoint.locked():
        # What was killed before its first checkpoint starts again, as the same run.
        state = checkpoint.read() if checkpoint.path.exists() else None
        computation = _begun_in(run)
        if state is None:
            session = assemble(
                run.recipe, weights_of=weights_of, start_of=start_of, computation=computation
            )
            fingerprint, where = run.tags.get(FINGERPRINT), "starts again: it has no checkpoint"
        else:
            session = assemble(Recipe(**state["recipe"]), computation=computation)
            step = f", step {state['step']}" if state["step"] else ""
            fingerprint, where = state["fingerprint"], f"goes on after epoch {state['epoch']}{step}"
        data = session.data
        _check_unchanged(run, data, fingerprint)
        if report:
            report(data.describe())
            report(f"run {run.name} ({run.id[:8]}) {where}")
        with tracking.resume_run(run, _params(session)) as active:
            saved, scores = _fit(
                active, session, checkpoint, report, callbacks=callbacks, resumed=state,
                again=again,
            )  # fmt: skip
    return _finished(run.id, saved, scores)


def _begun_in(run: Run) -> Computation | None:
    """Returns how a run is computed; None for one that was killed before it was tracked."""
    policy = run.params.get("precision")
    if policy is None:
        return None
    return Computation(
        policy, run.tags.get("precision_reason", ""), "kernel_gradients" in run.params
    )


def _params(session: Session) -> dict[str, Any]:
    """Returns what a run is tracked with beside its recipe."""
    return {
        "parameters": session.parameters,
        "macs": session.analysis.macs,
        "device": session.device.name,
        "precision": session.computation.policy,
        **({"kernel_gradients": "products"} if session.computation.products else {}),
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
    again: str | None = None,
) -> tuple[SavedModel, dict[str, AnyScores]]:
    """Trains from the beginning or a checkpoint, scores, and logs what the run leaves."""
    logger = keras.callbacks.LambdaCallback(
        on_epoch_end=lambda epoch, logs: active.log_epoch(logs, epoch)
    )
    say = report or (lambda line: None)
    active.log_data(session.data)
    with imported_beside(*WRITES_WITH):
        outcome = session.fit(
            [logger, *callbacks],
            checkpoint=checkpoint,
            resumed=resumed,
            started=started,
            announce=lambda: say(f"to go on: kerascnn train --resume {again or active.name}"),
            report=report,
        )
    predictions: dict[str, Table] = {}
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
        predictions = session.predict_all()
    scores: dict[str, AnyScores] = {split: score(found) for split, found in predictions.items()}
    figures = {"train_seconds": outcome.seconds}
    figures |= {f"{stage}_images_per_second": rate for stage, rate in outcome.rates.items()}
    if outcome.best_epoch is not None:
        figures["best_epoch"] = outcome.best_epoch + 1
    for split, values in scores.items():
        figures |= values.metrics(split)
        if isinstance(values, Scores) and session.recipe.training.costs:
            costs = cost_matrix(session.recipe.training.costs, session.data.classes)
            figures[f"{split}_cost"] = mean_cost(values.predictions, costs)
    active.log_metrics(figures, step=len(outcome.history.get("loss", ())))
    saved = SavedModel(
        session.network, session.data.classes, session.recipe, _thresholds(session, predictions)
    )
    from kerascnn.report.artifacts import write_artifacts  # it draws: after training is soon enough

    with tempfile.TemporaryDirectory(dir=scratch_folder()) as folder:
        kept = saved if outcome.kept is not None else None
        write_artifacts(
            Path(folder), active.name, session.recipe, kept, outcome.history, predictions
        )
        active.log_files(Path(folder))
    curves = "learning_curves.png" if outcome.history else None
    active.log_note(_note(session, outcome, scores), curves)
    if checkpoint.snapshots.is_dir():
        active.log_files(checkpoint.snapshots, FOLDER)
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


def _note(session: Session, outcome: Outcome, scores: Mapping[str, AnyScores]) -> str:
    """Returns the result of a run in words, for MLflow's page of it."""
    epochs = len(outcome.history.get("loss", ()))
    recipe, data = session.recipe, session.data
    text = f"{recipe.model.name} on {data.describe()}. Trained for {epochs} epochs"
    if outcome.failure is not None:
        return f"{text}, failed: {outcome.failure}."
    if outcome.interrupted:
        return f"{text}, interrupted."
    reached = "; ".join(
        f"{split} {values.headline} ({values.count:,} images)" for split, values in scores.items()
    )
    best = ""
    if outcome.best_epoch is not None:
        best = f", with the weights of epoch {outcome.best_epoch + 1}"
    return f"{text}{best}. **{reached}**."


def _thresholds(session: Session, predictions: Mapping[str, Table]) -> tuple[float, ...] | None:
    """Returns the thresholds of a model that gives several labels; a half where none is chosen."""
    if not session.data.several_labels:
        return None
    chosen_on = predictions.get("validation")
    if isinstance(chosen_on, SetPredictions):
        return tuple(chosen_on.thresholds.tolist())
    return (UNCHOSEN,) * len(session.data.classes)


def _better(session: Session) -> str:
    """Returns what the best epoch has more or less of than others."""
    figure = monitored(session.recipe)
    return f"{'lower' if figure == 'loss' else 'higher'} validation {figure.replace('_', ' ')}"


def _notes(outcome: Outcome, session: Session) -> Iterator[str]:
    """Yields what is to be said of a training that ended by itself."""
    losses = outcome.history["loss"]
    spec = session.recipe.training
    if "reading" in outcome.rates:
        rates = ", ".join(f"{stage} {rate:,.0f}" for stage, rate in outcome.rates.items())
        share = outcome.waited_seconds / outcome.step_seconds
        yield f"images/s: {rates}; {share:.0%} of the training time waited for data"
    if outcome.stopped_early:
        planned = f" of {spec.epochs}" if spec.epochs else ""
        yield (
            f"ended after epoch {len(losses)}{planned}: no {_better(session)} in "
            f"{spec.early_stopping} epochs (training.early_stopping)"
        )
    guessing = targets_of(session.recipe).guessing(len(session.data.classes))
    plain = not spec.class_weights and not spec.costs
    if plain and losses[-1] > 20 * guessing:
        yield (
            f"the loss is {losses[-1]:.3g}, where guessing has {guessing:.3g}: the learning rate, "
            f"{session.recipe.optimizer.learning_rate:g}, is likely too high"
        )


def _finished(run_id: str, saved: SavedModel, scores: dict[str, AnyScores]) -> Trained:
    run = tracking.read_run(run_id)
    if run.status == "FINISHED":
        checkpoint_of(run_id).remove()
    return Trained(run, saved, scores)


def predict(
    model: SavedModel | Run | str | Path,
    paths: str | Path | Iterable[str | Path],
    *,
    top: int = 3,
    tta: str | None = None,
) -> list[Prediction]:
    """Classifies image files, and every image file in folders.

    A model that gives an image several labels answers with those above their thresholds.

    Args:
        model: From `load_model`, or what that takes.
        paths: Files and folders, or one of them.
        top: How many classes to give for each file.
        tta: Name of the views of each image to average over, such as "flips"; None for those of the
            recipe.

    Returns:
        One prediction per file, in order; an unreadable one has its `error` set instead of classes.

    Raises:
        UserError: For a model or a path that is not there, or an unknown name of views.
    """
    views = None if tta is None else ViewSpec(**named(tta))
    files = find_images([paths] if isinstance(paths, str | Path) else paths)
    saved = model if isinstance(model, SavedModel) else load_model(model)
    return list(predictions(classifier_of(saved, views), files, top=top))


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
    from kerascnn.training.lr_find import range_test

    loaded = settle_weights(load_recipe(recipe, settings, data=data, **fields))
    session = assemble(loaded, weights_of=weights_of, start_of=start_of)
    return range_test(session, low=low, high=high, steps=steps)
