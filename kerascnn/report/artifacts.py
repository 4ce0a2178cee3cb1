"""The files that a run leaves among its artifacts."""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path

from kerascnn.arithmetic import analyze
from kerascnn.arithmetic.table import as_json
from kerascnn.evaluation.measures import rows_of
from kerascnn.evaluation.predictions import Predictions, file_of
from kerascnn.evaluation.scores import AnyScores
from kerascnn.evaluation.set_predictions import SetPredictions, Table, write_table
from kerascnn.evaluation.set_scores import SetScores, measure_sets, table_of
from kerascnn.evaluation.set_scores import rows_of as set_rows_of
from kerascnn.evaluation.tables import write_confusion, write_per_class
from kerascnn.recipe import Recipe
from kerascnn.report.network import LAYERS_FILE
from kerascnn.serving.archive import SavedModel, save_model
from kerascnn.table_files import write_csv, write_json
from kerascnn.visualization.confusion import draw_confusion
from kerascnn.visualization.curves import draw_curves
from kerascnn.visualization.reliability import draw_reliability
from kerascnn.visualization.thresholds import draw_precision_recall, draw_roc
from kerascnn.visualization.writing import write_figure

# Pictures of the test split, each drawn of (confusion, classes, title): {file: (in words, how)}.
TEST_PICTURES = {"confusion_matrix.png": ("the confusion matrix", draw_confusion)}

# Pictures of any split that is evaluated, each drawn of (predictions, title): {kind: (in words,
# how)}.
SCORE_PICTURES = {
    "reliability": ("the reliability diagram", draw_reliability),
    "roc": ("the ROC curves", draw_roc),
    "precision_recall": ("the precision-recall curves", draw_precision_recall),
}


def write_artifacts(
    folder: Path,
    name: str,
    recipe: Recipe,
    saved: SavedModel | None,
    history: Mapping[str, list[float]],
    predictions: Mapping[str, Table],
) -> None:
    """Writes recipe, model, its layers, learning curves, and what was said of every example.

    Args:
        folder: To write to; it exists.
        name: The name of the run.
        recipe: The recipe of the run, its batch size a number.
        saved: The trained network; None where there are no weights to keep.
        history: Values per epoch, by name.
        predictions: By split; none where training was cut off.
    """
    (folder / "recipe.yaml").write_text(recipe.to_yaml(), encoding="utf-8")
    if saved is not None:
        save_model(saved, folder / "model.keras")
        with _attempt("the table of layers"):
            size = recipe.training.batch_size
            table = as_json(analyze(saved.model), size if isinstance(size, int) else 1)
            (folder / LAYERS_FILE).write_text(table, encoding="utf-8")
    if history:
        with _attempt("the learning curves"):
            write_figure(draw_curves({name: history}), folder / "learning_curves.png")
    for split, found in predictions.items():
        with _attempt(f"the predictions of the {split} split"):
            write_table(found, folder / file_of(split))
    test = predictions.get("test")
    if isinstance(test, SetPredictions):
        with _attempt("the table of the test split"):
            rows = table_of(measure_sets(test))
            write_csv(folder / "per_class.csv", list(rows[0]), [list(row.values()) for row in rows])
    elif test is not None:
        _write_test(folder, name, test)


def _write_test(folder: Path, name: str, test: Predictions) -> None:
    """Writes the tables and pictures of the test split, where an image has one label."""
    with _attempt("the tables of the test split"):
        write_confusion(test.confusion, test.classes, folder / "confusion_matrix.csv")
        write_per_class(test.confusion, test.classes, folder / "per_class.csv")
    title = f"{name}: test accuracy {test.correct.mean():.2%}"
    for file, (what, draw) in TEST_PICTURES.items():
        with _attempt(what):
            write_figure(draw(test.confusion, test.classes, title), folder / file)


def score_files(scores: AnyScores) -> list[str]:
    """Returns what the files are called that `write_scores` writes."""
    split = scores.predictions.split
    pictures = () if isinstance(scores, SetScores) else SCORE_PICTURES
    tables = [f"scores_{split}.csv", f"scores_{split}.json"]
    return [*tables, *(f"{kind}_{split}.png" for kind in pictures)]


def write_scores(folder: Path, name: str, scores: AnyScores) -> None:
    """Writes every figure of a split as CSV and JSON, and its pictures.

    Args:
        folder: To write to; it exists.
        name: The name of the run.
        scores: Of the split.
    """
    split = scores.predictions.split
    rows = (
        set_rows_of(scores.measures) if isinstance(scores, SetScores) else rows_of(scores.measures)
    )
    cells = [list(row.values()) for row in rows]
    write_csv(folder / f"scores_{split}.csv", list(rows[0]), cells)
    about = {"split": split, "examples": scores.count, "figures": rows}
    write_json(folder / f"scores_{split}.json", about)
    if isinstance(scores, SetScores):
        return
    title = f"{name}: {split} {scores.headline}"
    for kind, (what, draw) in SCORE_PICTURES.items():
        with _attempt(what):
            write_figure(draw(scores.predictions, title), folder / f"{kind}_{split}.png")


@contextlib.contextmanager
def _attempt(what: str) -> Iterator[None]:
    """Lets a trained run end well without one of its pictures or tables."""
    try:
        yield
    except Exception as error:  # of whatever kind: the weights are worth more
        reason = str(error).strip().partition("\n")[0] or type(error).__name__
        warnings.warn(f"{what} could not be made: {reason}", stacklevel=3)
