"""Real training processes, killed and interrupted, against one that never was."""

from __future__ import annotations

import os
import random
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from kerascnn import tracking
from kerascnn.models.build import build_model
from kerascnn.serving.archive import load_model

# The command line, but with checkpoints every few steps however fast the steps are.
COMMAND = """
import sys
from kerascnn.training import checkpoint
from kerascnn_pipelines.cli import main
checkpoint.LARGEST_SHARE = 0.5
sys.argv[0] = "kerascnn"
main()
"""

RECIPE = """
model: {name: convnet, dropout: 0.2, batch_norm: true, filters: 4, dense: [32]}
data: {name: digits}
augment: {operations: [{name: shift, horizontal: [-0.1, 0.1], vertical: [-0.1, 0.1]}]}
optimizer:
  learning_rate: 0.005
  ema: 0.9
  accumulation: 2
  schedule: {name: plateau, patience: 1, factor: 0.5}
training:
  epochs: EPOCHS
  batch_size: 16
  early_stopping: 3
  deterministic: true
  checkpoint_minutes: 0.0005
"""


def _start(place: Path, *arguments: str, command: str = COMMAND) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", command, "train", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=place,
        env=os.environ | {"MLFLOW_TRACKING_URI": ""},
    )


def _written(place: Path) -> set[int]:
    """When each checkpoint was written."""
    files = place.glob("mlruns/checkpoints/*/checkpoint.npz")
    return {file.stat().st_mtime_ns for file in files}


def _end_at_random(
    process: subprocess.Popen[str], place: Path, number: int, moments: random.Random
) -> str:
    """Sends a signal soon after the process wrote a checkpoint; returns what it printed."""
    before = _written(place)
    deadline = time.monotonic() + 240
    while process.poll() is None and _written(place) <= before and time.monotonic() < deadline:
        time.sleep(0.02)
    time.sleep(moments.uniform(0, 1.5))
    process.send_signal(number)
    out, err = process.communicate(timeout=120)
    assert err == ""
    return out


def _finish(process: subprocess.Popen[str]) -> str:
    out, err = process.communicate(timeout=400)
    assert (process.returncode, err) == (0, "")
    return out


def _assert_the_same(place: Path, whole: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    runs, weights = [], []
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    for folder in (place, whole):
        monkeypatch.chdir(folder)
        run = tracking.load_run("digits")
        assert len(run.history["loss"]) > 1  # read here, from this folder's store
        runs.append(run)
        weights.append(load_model(run.artifact("model.keras")).model.get_weights())
        assert run.artifact("learning_curves.png").exists()
        assert not list(folder.glob("mlruns/checkpoints/*"))
    assert [run.status for run in runs] == ["FINISHED", "FINISHED"]
    assert runs[0].params == runs[1].params
    for name in ("loss", "accuracy", "val_loss", "val_accuracy", "learning_rate"):
        assert runs[0].history[name] == runs[1].history[name], name
    for name in ("test_accuracy", "test_loss", "train_loss", "validation_loss", "best_epoch"):
        assert runs[0].metrics[name] == runs[1].metrics[name], name
    for left, right in zip(*weights, strict=True):
        np.testing.assert_array_equal(left, right, strict=True)


def _places(folder: Path, epochs: int) -> tuple[Path, Path]:
    for name in ("killed", "whole"):
        (folder / name).mkdir()
        (folder / name / "digits.yaml").write_text(RECIPE.replace("EPOCHS", str(epochs)))
    return folder / "killed", folder / "whole"


NEW = ("--recipe", "digits.yaml", "--name", "digits")


@pytest.mark.ci
def test_kill_then_ctrl_c_then_on_to_the_same_weights(tmp_path, monkeypatch) -> None:
    place, whole = _places(tmp_path, epochs=6)
    moments = random.Random(1)
    reference = _start(whole, *NEW)
    _end_at_random(_start(place, *NEW), place, signal.SIGKILL, moments)
    process = _start(place, "--resume", "digits")
    out = _end_at_random(process, place, signal.SIGINT, moments)
    if process.returncode != 0:  # else it was done before the signal came
        assert process.returncode == 130
        assert re.search(r"run digits \(\w{8}\) goes on after epoch \d", out)
        assert "to go on: kerascnn train --resume digits\n" in out
        out = _finish(_start(place, "--resume", "digits"))
    assert re.search(r"test accuracy \d", out)
    _finish(reference)
    _assert_the_same(place, whole, monkeypatch)


@pytest.mark.slow
@pytest.mark.parametrize("seed", [2, 3])
def test_killed_at_random_moments_several_times_over(tmp_path, monkeypatch, seed) -> None:
    place, whole = _places(tmp_path, epochs=25)
    moments = random.Random(seed)
    reference = _start(whole, *NEW)
    process, kills = _start(place, *NEW), 0
    while kills < 6:
        _end_at_random(process, place, signal.SIGKILL, moments)
        if process.returncode == 0:
            break
        kills += 1
        process = _start(place, "--resume", "latest")
    process.communicate(timeout=400)
    assert process.returncode == 0
    assert kills >= 3
    _finish(reference)
    _assert_the_same(place, whole, monkeypatch)


FINE_TUNING = """
model: {name: convnet, stages: 1, dropout: 0.2, batch_norm: true, filters: 4, dense: [32]}
data: {name: digits, train_fraction: 0.3}
optimizer:
  name: adamw
  learning_rate: 0.005
  ema: 0.9
  accumulation: 2
  backbone_rate: 0.5
  layer_decay: 0.75
  schedule: {name: cosine, warmup: 0.5}
training:
  initialize: base.weights.h5
  head_epochs: 2
  epochs: 4
  batch_size: 16
  monitor: accuracy
  deterministic: true
"""

# Ends itself with a signal within an epoch.
ENDING = """
import os
from kerascnn.training import position
plain, places = position.Position.on_train_batch_end, [(EPOCH, 10)]
def on_train_batch_end(self, batch, logs=None):
    plain(self, batch, logs)
    if places and (self.epoch, self.step) >= places[0]:
        places.clear()
        os.kill(os.getpid(), NUMBER)
position.Position.on_train_batch_end = on_train_batch_end
"""


def _ended(place: Path, epoch: int, number: int, *arguments: str) -> None:
    ending = ENDING.replace("EPOCH", str(epoch)).replace("NUMBER", str(int(number)))
    process = _start(place, *arguments, command=ending + COMMAND)
    process.communicate(timeout=240)
    assert process.returncode == (130 if number == signal.SIGINT else -number)


@pytest.mark.ci
def test_fine_tuning_goes_on_from_either_part_to_the_same_weights(tmp_path, monkeypatch) -> None:
    place, whole = _places(tmp_path, epochs=0)
    options: dict[str, Any] = {"stages": 1, "batch_norm": True, "filters": 4, "dense": (32,)}
    model = build_model("convnet", input_shape=(32, 32, 1), classes=5, **options)
    for folder in (place, whole):
        model.save_weights(folder / "base.weights.h5")
        (folder / "digits.yaml").write_text(FINE_TUNING)
    reference = _start(whole, *NEW)
    _ended(place, 1, signal.SIGKILL, *NEW)
    _ended(place, 3, signal.SIGINT, "--resume", "digits")
    _finish(_start(place, "--resume", "digits"))
    _finish(reference)
    _assert_the_same(place, whole, monkeypatch)
