"""The files that a run leaves among its artifacts."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from kerascnn.evaluation.scores import Scores
from kerascnn.evaluation.tables import write_confusion, write_per_class
from kerascnn.recipe import Recipe
from kerascnn.serving.archive import SavedModel, save_model
from kerascnn.visualization.confusion import draw_confusion
from kerascnn.visualization.curves import draw_curves
from kerascnn.visualization.writing import write_figure


def write_artifacts(
    folder: Path,
    name: str,
    recipe: Recipe,
    saved: SavedModel | None,
    history: Mapping[str, list[float]],
    scores: Mapping[str, Scores],
) -> None:
    """Writes the recipe, the model, the learning curves, and what the test split says.

    Args:
        folder: To write to; it exists.
        name: The name of the run.
        recipe: The recipe of the run, its batch size a number.
        saved: The trained network; None where there are no weights to keep.
        history: Values per epoch, by name.
        scores: By split; without "test" where training was cut off.
    """
    (folder / "recipe.yaml").write_text(recipe.to_yaml(), encoding="utf-8")
    if saved is not None:
        save_model(saved, folder / "model.keras")
    if history:
        write_figure(draw_curves({name: history}), folder / "learning_curves.png")
    if "test" in scores:
        test = scores["test"]
        write_confusion(test.confusion, test.classes, folder / "confusion_matrix.csv")
        write_per_class(test.confusion, test.classes, folder / "per_class.csv")
        title = f"{name}: test accuracy {test.accuracy:.2%}"
        figure = draw_confusion(test.confusion, test.classes, title)
        write_figure(figure, folder / "confusion_matrix.png")
