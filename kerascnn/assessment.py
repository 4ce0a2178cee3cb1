"""What the model of a tracked run is worth: scored, in committees, under stress, calibrated."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from kerascnn import tracking
from kerascnn.augment.views import ViewSpec, named
from kerascnn.beside import imported_beside
from kerascnn.data.dataset import ImageData
from kerascnn.data.loading import load
from kerascnn.data.matching import matched, whole
from kerascnn.errors import UserError, unknown
from kerascnn.evaluation.calibration import at_temperature, fit_temperature
from kerascnn.evaluation.committee import committee
from kerascnn.evaluation.predictions import Predictions, file_of, write_predictions
from kerascnn.evaluation.scores import AnyScores, Scores, predict_split, score
from kerascnn.evaluation.set_predictions import SetPredictions, write_table
from kerascnn.evaluation.stress import IMAGES, StressTest, stress_test
from kerascnn.folds import SPLIT
from kerascnn.hardware import default_device
from kerascnn.kernels.table import quicken
from kerascnn.report import WRITES_WITH
from kerascnn.run_model import data_of, load_model
from kerascnn.serving.archive import SavedModel, save_model
from kerascnn.serving.temperature import with_temperature
from kerascnn.text import first_names, tell
from kerascnn.tracking import Run
from kerascnn.training.session import Report


def evaluate(
    run: Run | str,
    split: str | None = None,
    *,
    tta: str | None = None,
    data: str | None = None,
    report: Report | None = tell,
) -> AnyScores:
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

    Returns:
        The scores; those of label sets where an image may have several labels, at the thresholds
        that are kept with the model.

    Raises:
        UserError: For an unknown run or split, data that is not there any more or has changed
            since, or other data that has none of the classes.
    """
    run = tracking.load_run(run) if isinstance(run, str) else run
    saved = load_model(run)
    loaded = data_of(run) if data is None else _other_data(saved, data, report)
    split = split or ("test" if data is None else "all")
    no_test = split == "test" and "test" not in loaded.splits
    if data is None and run.recipe.data.folds is not None and (no_test or split == SPLIT):
        return _of_folds(run, tta)
    if split not in loaded.splits:
        raise unknown("split", split, loaded.splits)
    views = run.recipe.augment.test_time if tta is None else ViewSpec(**named(tta))
    with imported_beside(*WRITES_WITH):
        predictions = predict_split(quicken(saved.model, default_device()), loaded, split, views)
    if isinstance(predictions, SetPredictions) and saved.thresholds is not None:
        predictions = predictions.at(saved.thresholds)
    scores: AnyScores = score(predictions)
    if tta is None and data is None:
        from kerascnn.report.artifacts import write_scores

        with tracking.new_files(run.id) as folder:
            write_table(predictions, folder / file_of(split))
            write_scores(folder, run.name, scores)
    return scores


def _of_folds(run: Run, tta: str | None) -> Scores:
    """Returns the scores of a cross-validation: of what was said of each image by its fold."""
    if tta is not None:
        raise UserError(
            f"run {run.name} was trained on all of its images: what its folds said of each is kept "
            "as it was, without other views"
        )
    from kerascnn.report.artifacts import write_scores

    scores = score(run.predictions(SPLIT))
    with tracking.new_files(run.id) as folder:
        write_scores(folder, run.name, scores)
    return scores


def _other_data(saved: SavedModel, name: str, report: Report | None) -> ImageData:
    """Loads data that a model was not trained on, as the model takes it; "all" is all of it."""
    own = saved.recipe.data
    spec = own.model_copy(
        update={
            "name": name,
            "test": None,
            "folds": None,
            "fold": None,
            "train_fraction": 1.0,
            "train_on_validation": False,
            "balance": "none",
            "fix_list": None,
        }
    ).in_shape(saved.model.input_shape[1:])
    found = matched(load(spec), saved.classes)
    if report and found.unknown:
        count = sum(found.unknown.values())
        names = first_names(list(found.unknown))
        what = "labels" if found.data.several_labels else "images"
        report(f"left out: {count:,} {what} of classes that the model does not know: {names}")
    if report and found.missing:
        report(f"{name} has no images of {first_names(found.missing)}")
    return whole(found.data)


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
    run.check_one_label()
    model = quicken(load_model(run).model, default_device())
    data = data_of(run)
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
    members: list[Scores] = []
    for run in found:
        run.check_one_label()
    for run in found:
        kept = tta is None and data is None and run.has(file_of(split or "test"))
        scores = (
            score(run.predictions(split or "test"))
            if kept
            else evaluate(run, split, tta=tta, data=data, report=report)
        )
        assert isinstance(scores, Scores)
        members.append(scores)
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
    run.check_one_label()
    if run.recipe.data.trains_on_all:
        raise UserError(
            f"run {run.name} was trained on its validation images (data.train_on_validation or "
            "data.folds): none are left to fit a temperature on"
        )
    saved = load_model(run)
    kept = {split: run.predictions(split) for split in ("validation", "test")}
    if run.has(file_of("train")):
        kept["train"] = run.predictions("train")
    temperature = fit_temperature(kept["validation"])
    now = {split: at_temperature(table, temperature) for split, table in kept.items()}
    with tracking.new_files(run.id) as folder:
        model = with_temperature(saved.model, temperature)
        save_model(SavedModel(model, saved.classes, saved.recipe), folder / "model.keras")
        for split, table in now.items():
            write_predictions(table, folder / file_of(split))
    return Calibrated(temperature, kept["test"], now["test"])
