"""Saved models: round trip, and refusing what is damaged or foreign."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import numpy as np
import pytest

from kerascnn.backend import keras
from kerascnn.errors import UserError
from kerascnn.models.build import build_model
from kerascnn.recipe import load_recipe
from kerascnn.serving.archive import SavedModel, load_model, save_model
from kerascnn.training.computation import Computation

CLASSES = ("zero", "eins", "две")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    model = build_model("lenet5", input_shape=(28, 28, 1), classes=3)
    save_model(SavedModel(model, CLASSES, load_recipe("digits-quick")), tmp_path / "m.keras")
    return tmp_path / "m.keras"


def test_round_trip(path: Path) -> None:
    assert [file.name for file in path.parent.iterdir()] == ["m.keras"]
    saved = load_model(path)
    assert saved.classes == CLASSES
    assert saved.recipe == load_recipe("digits-quick")
    assert saved.thresholds is None
    images = np.random.default_rng(0).integers(0, 256, (4, 28, 28, 1), np.uint8)
    again = load_model(path)
    np.testing.assert_array_equal(
        saved.model.predict_on_batch(images), again.model.predict_on_batch(images)
    )


def test_thresholds_stay_with_the_model(tmp_path: Path) -> None:
    model = build_model("linear", input_shape=(8, 8, 1), classes=3)
    recipe, thresholds = load_recipe("digits-quick"), (0.25, 0.5, 1 / 3)
    save_model(SavedModel(model, CLASSES, recipe, thresholds), tmp_path / "m.keras")
    assert load_model(tmp_path / "m.keras").thresholds == thresholds


def test_the_optimizer_is_left_out(path: Path) -> None:
    saved = load_model(path)
    saved.model.compile("adam", "mse")
    saved.model.train_on_batch(np.zeros((1, 28, 28, 1), np.uint8), np.zeros((1, 3)))
    size = path.stat().st_size
    save_model(saved, path)
    assert path.stat().st_size < 1.1 * size


def test_round_trip_with_layers_and_activations_of_ours(tmp_path: Path) -> None:
    model = build_model("lenet5-1998", input_shape=(28, 28, 1), classes=3)
    save_model(SavedModel(model, CLASSES, load_recipe("digits-quick")), tmp_path / "m.keras")
    images = np.random.default_rng(0).integers(0, 256, (4, 28, 28, 1), np.uint8)
    np.testing.assert_array_equal(
        load_model(tmp_path / "m.keras").model.predict_on_batch(images),
        model.predict_on_batch(images),
    )


def _rewrite(path: Path, change) -> None:
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    members["config.json"] = json.dumps(change(json.loads(members["config.json"]))).encode()
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)


def test_foreign_code_is_refused_before_it_is_imported(path: Path, tmp_path: Path) -> None:
    (tmp_path / "harmful.py").write_text("open('ran', 'w').close()\n")

    def poison(config):
        config["config"]["layers"][1] |= {"module": "harmful", "class_name": "Layer"}
        return config

    _rewrite(path, poison)
    with pytest.raises(UserError, match="names code of 'harmful'"):
        load_model(path)


def test_a_lambda_is_refused(path: Path) -> None:
    def poison(config):
        config["config"]["layers"][1] |= {"class_name": "Lambda"}
        return config

    _rewrite(path, poison)
    with pytest.raises(UserError, match="holds a Lambda"):
        load_model(path)


def test_a_keras_file_of_somebody_else_is_refused(tmp_path: Path) -> None:
    foreign = tmp_path / "foreign.keras"
    keras.Sequential([keras.Input((2,)), keras.layers.Dense(2)]).save(foreign)
    with pytest.raises(UserError, match="not one that kerascnn saved"):
        load_model(foreign)


@pytest.mark.parametrize("keep", [0, 10, 0.5, 0.99])
def test_a_damaged_file_is_refused(path: Path, keep: float) -> None:
    content = path.read_bytes()
    path.write_bytes(content[: int(keep * len(content)) if keep < 1 else int(keep)])
    with pytest.raises(UserError, match=r"damaged, or not a \.keras file"):
        load_model(path)


def test_damaged_weights_are_refused(path: Path) -> None:
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    members["model.weights.h5"] = b"not hdf5"
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    with pytest.raises(UserError, match="cannot be loaded"):
        load_model(path)


def test_missing_file(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="No such file"):
        load_model(tmp_path / "none.keras")
    (tmp_path / "other.keras").mkdir()
    with pytest.raises(UserError, match="Is a directory"):
        load_model(tmp_path / "other.keras")
    with zipfile.ZipFile(tmp_path / "zip.keras", "w") as archive:
        archive.writestr("a", "b")
    with pytest.raises(UserError, match=r"not a \.keras file"):
        load_model(tmp_path / "zip.keras")


def test_mixed_precision_is_kept_or_left_out_as_the_machine_can(tmp_path, monkeypatch) -> None:
    with Computation("mixed_bfloat16", "").scope():
        model = build_model("maxout-mnist", input_shape=(28, 28, 1), classes=3)
    save_model(SavedModel(model, CLASSES, load_recipe("digits-quick")), tmp_path / "m.keras")
    images = np.random.default_rng(0).integers(0, 256, (4, 28, 28, 1), np.uint8)
    float32 = build_model("maxout-mnist", input_shape=(28, 28, 1), classes=3)
    float32.set_weights(model.get_weights())
    for quickly, same in ((True, model), (False, float32)):
        monkeypatch.setattr(
            "kerascnn.serving.archive.computes_quickly",
            lambda policy, quickly=quickly: quickly or policy == "float32",
        )
        loaded = load_model(tmp_path / "m.keras").model
        assert {layer.compute_dtype for layer in loaded.layers if layer.weights} == {
            "bfloat16" if quickly else "float32"
        }
        np.testing.assert_array_equal(
            loaded.predict_on_batch(images), same.predict_on_batch(images)
        )
