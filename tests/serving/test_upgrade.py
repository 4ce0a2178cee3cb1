"""What kerascnn 0.1.0 wrote: its store, models, checkpoints, sweeps and recipes still load.

tests/fixtures/version-0.1.0.tar.xz holds a tracking store that version made: the runs "finished"
(a narrow CIFAR ResNet with fast layers of that version), "interrupted" (a checkpoint after epoch 4
of 12) and "whole" (the same, never interrupted), and the sweep "sweep" of four trials, killed in
the third.
"""

from __future__ import annotations

import contextlib
import json
import sqlite3
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import kerascnn
from kerascnn.backend import keras
from kerascnn.errors import UserError
from kerascnn.evaluation.scores import Scores
from kerascnn.serving import archive
from kerascnn.serving.archive import load_model, save_model
from kerascnn.serving.upgrade import OLD_NAMES

STORE = Path(__file__).parent.parent / "fixtures" / "version-0.1.0.tar.xz"


@pytest.fixture(scope="module")
def unpacked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("old")
    with tarfile.open(STORE) as archive:
        archive.extractall(place, filter="data")
    # MLflow's store holds absolute paths.
    with contextlib.closing(sqlite3.connect(place / "mlruns" / "mlflow.db")) as store, store:
        for table, column in (("runs", "artifact_uri"), ("experiments", "artifact_location")):
            store.execute(
                f"UPDATE {table} SET {column} = replace({column}, '/tmp/fix/mlruns', ?)",
                (str(place / "mlruns"),),
            )
    return place


@pytest.fixture
def old(unpacked: Path, work_in: Callable[[Path], Path]) -> Path:
    return work_in(unpacked)


def test_a_model_of_fast_layers_becomes_one_of_keras(old: Path, tmp_path: Path) -> None:
    path = kerascnn.load_run("finished").artifact("model.keras")
    with zipfile.ZipFile(path) as members:
        before = members.read("config.json").decode()
    assert "FusedBatchNormalization" in before
    assert "PadChannels" in before
    saved = load_model(path)
    assert not {type(layer).__module__ for layer in saved.model.layers} & {"kerascnn"}
    assert {type(layer).__name__ for layer in saved.model.layers} >= {
        "BatchNormalization",
        "ZeroPadding2D",
        "Activation",
    }
    save_model(saved, tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras")
    images = np.random.default_rng(0).integers(0, 256, (4, 32, 32, 1), dtype=np.uint8)
    np.testing.assert_allclose(again(images), saved.model(images), atol=1e-5)
    with zipfile.ZipFile(tmp_path / "model.keras") as members:
        assert "kerascnn" not in members.read("config.json").decode()


def test_it_scores_what_it_scored(old: Path) -> None:
    run = kerascnn.load_run("finished")
    scores = kerascnn.evaluate("finished")
    assert isinstance(scores, Scores)
    assert scores.accuracy == pytest.approx(run.metrics["test_accuracy"], abs=0.005)
    assert scores.loss == pytest.approx(run.metrics["test_loss"], rel=1e-3)
    assert run.recipe.model.name == "cifar-resnet20"


@pytest.mark.ci
def test_an_interrupted_run_goes_on_to_where_the_whole_one_ended(old: Path) -> None:
    resumed = kerascnn.resume("interrupted", report=None)
    whole = kerascnn.load_run("whole")
    assert resumed.run.status == "FINISHED"
    # Bit by bit on one processor, nearly so on another.
    assert resumed.run.history["loss"] == pytest.approx(whole.history["loss"], rel=0.05)
    # What is validated are averages, which reach back less far now in the first epochs.
    ended, before = resumed.run.history["val_loss"], whole.history["val_loss"]
    assert ended[-5:] == pytest.approx(before[-5:], rel=0.05)


@pytest.mark.ci
def test_a_killed_sweep_goes_on(old: Path) -> None:
    before = kerascnn.load_sweep("sweep")
    assert [trial.run.status for trial in before.trials][:2] == ["FINISHED"] * 2
    after = kerascnn.resume_sweep("sweep", report=lambda line: None)
    assert [trial.run.status for trial in after.trials] == ["FINISHED"] * 4
    assert [trial.run.id for trial in after.trials][:2] == [t.run.id for t in before.trials][:2]


def test_every_old_name_is_a_layer_or_function_of_keras() -> None:
    for name, value in OLD_NAMES.items():
        assert name.startswith("kerascnn>")
        base = value.__base__ if isinstance(value, type) else value
        assert base.__module__.startswith("keras.")


def test_a_newer_format_is_refused_by_name_and_version(
    old: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    saved = kerascnn.load_model("finished")
    with monkeypatch.context() as patch:
        patch.setattr(archive, "FORMAT", 9)
        patch.setattr(archive, "__version__", "7.0")
        save_model(saved, tmp_path / "model.keras")
    with zipfile.ZipFile(tmp_path / "model.keras") as members:
        assert json.loads(members.read("kerascnn.json"))["format"] == 9
    with pytest.raises(UserError, match=r"written by kerascnn 7\.0 in format 9; this is .* up to"):
        load_model(tmp_path / "model.keras")
