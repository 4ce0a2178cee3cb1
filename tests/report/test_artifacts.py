"""The files that a run leaves, whatever it came to."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from kerascnn.evaluation.predictions import Predictions, read_predictions
from kerascnn.models.build import build_model
from kerascnn.recipe import Recipe, load_recipe
from kerascnn.report.artifacts import TEST_PICTURES, write_artifacts
from kerascnn.serving.archive import SavedModel, load_model
from tests.evaluation.tables import said

CLASSES = ("a", "b", "c")
HISTORY = {"loss": [1.0, 0.5], "val_loss": [1.1, 0.7], "accuracy": [0.3, 0.6],
           "val_accuracy": [0.2, 0.5]}  # fmt: skip


@pytest.fixture
def recipe() -> Recipe:
    return load_recipe("digits-quick")


@pytest.fixture
def saved(recipe: Recipe) -> SavedModel:
    model = build_model("linear", input_shape=(4, 4, 1), classes=3)
    return SavedModel(model, CLASSES, recipe)


@pytest.fixture
def predictions() -> dict[str, Predictions]:
    logits = np.eye(3, dtype=np.float32)[[0, 1, 2, 2]]
    return {
        split: said(logits, np.array(labels), CLASSES, split)
        for split, labels in (("train", [0, 1, 2, 2]), ("test", [0, 1, 2, 0]))
    }


def test_a_run_that_ended_leaves_everything(tmp_path, recipe, saved, predictions) -> None:
    write_artifacts(tmp_path, "mine", recipe, saved, HISTORY, predictions)
    assert {path.name for path in tmp_path.iterdir()} == {
        "recipe.yaml", "model.keras", "learning_curves.png", "confusion_matrix.csv",
        "per_class.csv", "layers.json", "predictions_train.parquet", "predictions_test.parquet",
        *TEST_PICTURES,
    }  # fmt: skip
    assert load_recipe(tmp_path / "recipe.yaml") == recipe
    loaded = load_model(tmp_path / "model.keras")
    assert loaded.classes == CLASSES
    images = np.full((1, 4, 4, 1), 9, np.uint8)
    np.testing.assert_array_equal(loaded.model(images), saved.model(images))
    with (tmp_path / "confusion_matrix.csv").open() as file:
        rows = [row[1:] for row in csv.reader(file)][1:]
    assert rows == [["1", "0", "1"], ["0", "1", "0"], ["0", "0", "1"]]  # the test split's
    assert read_predictions(tmp_path / "predictions_test.parquet").labels.tolist() == [0, 1, 2, 0]
    for picture in tmp_path.glob("*.png"):
        with Image.open(picture) as image:
            assert min(image.size) > 300


def test_an_interrupted_run_leaves_no_scores(tmp_path: Path, recipe, saved) -> None:
    write_artifacts(tmp_path, "mine", recipe, saved, HISTORY, {})
    assert {path.name for path in tmp_path.iterdir()} == {
        "recipe.yaml", "model.keras", "layers.json", "learning_curves.png"
    }  # fmt: skip


def test_a_run_that_failed_at_once_leaves_its_recipe(tmp_path: Path, recipe) -> None:
    write_artifacts(tmp_path, "mine", recipe, None, {}, {})
    assert [path.name for path in tmp_path.iterdir()] == ["recipe.yaml"]
