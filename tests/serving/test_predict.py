"""From image files to classes and probabilities."""

from __future__ import annotations

import dataclasses
import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from scipy.special import expit, softmax

from kerascnn.augment.views import ViewSpec
from kerascnn.backend import keras
from kerascnn.data.loading import load
from kerascnn.evaluation.scores import predict_logits
from kerascnn.models.build import build_model
from kerascnn.recipe import load_recipe
from kerascnn.serving import predict as serving
from kerascnn.serving.archive import SavedModel
from kerascnn.serving.predict import classifier_of, predictions
from tests.data.pictures import picture
from tests.data.splits import file_images


@pytest.fixture
def brightness() -> SavedModel:
    """A network that is surer of "light" the brighter an image is, and never of "never"."""
    images = keras.Input((4, 4, 3), dtype="uint8")
    x = keras.layers.GlobalAveragePooling2D()(keras.layers.Rescaling(1 / 255)(images))
    model = keras.Model(images, keras.layers.Dense(3, name="fc")(x))
    model.get_layer("fc").set_weights([np.array([[2, -2, 0]] * 3), np.array([0, 0, -50])])
    recipe = load_recipe({"model": {"name": "mlp"}, "data": {"name": "digits"}})
    return SavedModel(model, ("light", "dark", "never"), recipe)


def _levels(folder: Path, *levels: int) -> list[Path]:
    files = [folder / f"{number}.png" for number in range(len(levels))]
    for level, file in zip(levels, files, strict=True):
        Image.new("RGB", (5, 7), (level,) * 3).save(file)
    return files


def test_the_likeliest_classes_come_first_with_their_probabilities(brightness, tmp_path) -> None:
    light, dark = predictions(brightness, _levels(tmp_path, 255, 51), top=2)
    assert light.path == tmp_path / "0.png"
    assert (light.classes, dark.classes) == (("light", "dark"),) * 2
    assert light.probabilities == pytest.approx(softmax([6, -6]))
    assert dark.probabilities == pytest.approx(softmax([1.2, -1.2]))
    (all_of_them,) = predictions(brightness, _levels(tmp_path, 0), top=9)
    assert all_of_them.classes == ("light", "dark", "never")  # equals in the order of the classes
    assert sum(all_of_them.probabilities) == pytest.approx(1)


def test_batches_keep_the_order_and_unreadable_files_their_place(
    brightness, tmp_path: Path, monkeypatch
) -> None:
    monkeypatch.setattr(serving, "_BATCH", 3)
    files = _levels(tmp_path, *range(0, 250, 25))
    for number in (0, 4, 9):
        files[number].write_text("no image")
    found = list(predictions(brightness, files, top=1))
    assert [one.path for one in found] == files
    assert [number for number, one in enumerate(found) if one.error] == [0, 4, 9]
    assert found[4].error == f"{files[4]}: is not an image"
    assert found[4].classes == found[4].probabilities == ()
    shares = [one.probabilities[0] for one in found if not one.error]
    assert shares == sorted(shares)
    (alone,) = predictions(brightness, [files[5]], top=1)
    assert alone.probabilities == pytest.approx(found[5].probabilities)


def test_files_that_are_all_unreadable(brightness, tmp_path: Path) -> None:
    file = tmp_path / "a.png"
    file.touch()
    (found,) = predictions(brightness, [file])
    assert found.error


def test_predict_sees_a_file_as_the_scores_do(tmp_path: Path) -> None:
    for i in range(20):
        folder = tmp_path / "ab"[i % 2]
        folder.mkdir(exist_ok=True)
        Image.fromarray(picture(40, 50 + i, seed=i)).save(folder / f"{i}.png")
    fields = {"name": f"folder:{tmp_path}", "image_size": 28}
    recipe = load_recipe(
        {"model": {"name": "mlp"}, "data": fields, "augment": {"test_time": "ten-crop"}}
    )
    data = load(recipe.data)
    model = build_model("mlp", input_shape=data.image_shape, classes=2)
    expected = softmax(predict_logits(model, data, "test", recipe.augment.test_time), axis=1)
    files = [Path(os.fsdecode(path)) for path in file_images(data.splits["test"]).paths]
    found = list(predictions(SavedModel(model, data.classes, recipe), files, top=2))
    shares = [dict(zip(one.classes, one.probabilities, strict=True)) for one in found]
    np.testing.assert_allclose([[s["a"], s["b"]] for s in shares], expected, atol=1e-5)


def test_a_classifier_gives_what_keras_gives_and_averages_views(brightness) -> None:
    images = np.random.default_rng(0).integers(0, 256, (64, 4, 4, 3), dtype=np.uint8)
    plain = classifier_of(brightness)
    expected = softmax(brightness.model.predict_on_batch(images), axis=1)
    np.testing.assert_array_equal(plain.probabilities(images), expected)
    assert (plain.image_shape, plain.batch_size) == ((4, 4, 3), 256)
    crops = classifier_of(brightness, ViewSpec(crops="five", flip=True, scales=(1.5,)))
    assert (crops.image_shape, crops.batch_size) == ((6, 6, 3), 25)
    images = np.random.default_rng(0).integers(0, 256, (3, 6, 6, 3), dtype=np.uint8)
    corners = [images[:, y : y + 4, x : x + 4] for y, x in [(0, 0), (0, 2), (2, 0), (2, 2), (1, 1)]]
    each = [plain.probabilities(view) for view in corners]  # a mirror image is as bright
    np.testing.assert_allclose(crops.probabilities(images), np.mean(each, axis=0), rtol=1e-5)


def test_labels_that_reach_their_thresholds(brightness: SavedModel, tmp_path: Path) -> None:
    files = _levels(tmp_path, 255, 0, 128)
    several = dataclasses.replace(brightness, thresholds=(0.6, 0.4, 0.9))
    white, black, grey = predictions(several, files)
    # 255 is a logit of 6, 0 of 0, 128 of 3; the other class has the opposite.
    assert white.classes == ("light",)
    assert white.probabilities[0] == pytest.approx(expit(6), abs=1e-6)
    assert black.classes == ("dark",), "a half is enough for one threshold, and not for the other"
    assert grey.classes == ("light",)
    strict = dataclasses.replace(brightness, thresholds=(0.9999, 0.9999, 0.9))
    assert [found.classes for found in predictions(strict, files)] == [()] * 3
    every = dataclasses.replace(brightness, thresholds=(0.0, 0.0, 0.0))
    assert next(predictions(every, files)).classes == ("light", "dark", "never")
