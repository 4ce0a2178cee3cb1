"""`kerascnn train --resume`, a run that diverges, and a disk that fills up, as a user sees them."""

from __future__ import annotations

import os
import re
import shutil
import signal
from pathlib import Path

import numpy as np
import pytest

from kerascnn import tracking
from kerascnn.backend import keras
from kerascnn.serving.archive import load_model
from kerascnn.training import checkpoint_file as checkpoints
from kerascnn.training import session
from kerascnn.training.checkpoint_file import Checkpoint
from kerascnn.training.fit import fit


class _AtEpochBegin(keras.callbacks.Callback):
    """Does something when an epoch (zero-based) begins."""

    def __init__(self, epoch: int, act):
        super().__init__()
        self._epoch, self._act = epoch, act

    def on_epoch_begin(self, epoch, logs=None):
        if epoch == self._epoch:
            self._act(self)


def _press_ctrl_c(callback) -> None:
    os.kill(os.getpid(), signal.SIGINT)


def _with(monkeypatch: pytest.MonkeyPatch, callback: keras.callbacks.Callback) -> None:
    """Has every run call the callback, too."""
    monkeypatch.setattr(
        session, "fit",
        lambda model, data, recipe, callbacks, **more:
            fit(model, data, recipe, [*callbacks, callback], **more),
    )  # fmt: skip


def _interrupted_in_epoch(epoch: int, monkeypatch, kerascnn, *more: object) -> None:
    with monkeypatch.context() as patch:
        _with(patch, _AtEpochBegin(epoch - 1, _press_ctrl_c))
        done = kerascnn("train", "linear", "digits", "--epochs", "5", "--name", "long", *more)
    assert done.code == 130
    # The callback that interrupts will not be there when the run goes on.
    checkpoint = Checkpoint(Path("mlruns/checkpoints") / tracking.load_run("long").id)
    state = checkpoint.read()
    del state["callbacks"][-2]
    checkpoint.write(state)


def test_ctrl_c_then_resume_is_one_whole_run(workplace, kerascnn, monkeypatch) -> None:
    _interrupted_in_epoch(3, monkeypatch, kerascnn, "--batch-size", 32)
    before = tracking.load_run("long")
    assert before.status == "KILLED"
    assert len(before.history["loss"]) == 2
    done = kerascnn("train", "--resume", before.id[:6])
    assert (done.code, done.err) == (0, "")
    assert "goes on after epoch 2, step 16" in done.out
    epochs = [line for line in done.out.splitlines() if line.startswith("epoch ")]
    assert [line[:9] for line in epochs] == ["epoch 3/5", "epoch 4/5", "epoch 5/5"]
    run = tracking.load_run("latest")
    assert len(tracking.list_runs()) == 1
    assert (run.id, run.status) == (before.id, "FINISHED")
    assert run.params == before.params
    assert run.metrics["train_seconds"] > before.metrics["train_seconds"]
    assert run.metrics["test_accuracy"] > 0.8
    for name in ("loss", "val_loss", "learning_rate", "images_per_second"):
        assert len(run.history[name]) == 5, name
    assert run.history["loss"][:2] == before.history["loss"]
    assert not list(Path("mlruns/checkpoints").iterdir())
    again = kerascnn("train", "--resume", "long")
    assert again.code == 2
    assert again.err == "Error: run long is finished: there is nothing to resume\n"


def test_what_resume_refuses(workplace, kerascnn, monkeypatch) -> None:
    def error(*arguments: object) -> str:
        done = kerascnn("train", "--resume", *arguments)
        assert done.code == 2
        assert done.err.count("\n") == 1
        return done.err

    assert "holds no runs yet" in error("latest")
    _interrupted_in_epoch(2, monkeypatch, kerascnn)
    assert "takes nothing else: leave out --epochs, --set\n" in error(
        "long", "--epochs", "9", "--set", "training.seed=3"
    )
    assert "leave out MODEL, DATASET\n" in error("long", "linear", "digits")
    assert "leave out --dry-run\n" in error("long", "--dry-run")
    assert "unknown run 'lung': did you mean long" in error("lung")
    checkpoint = Checkpoint(Path("mlruns/checkpoints") / tracking.load_run("long").id)
    with checkpoint.locked():
        assert "is being trained by another process" in error("long")
    whole = checkpoint.path.read_bytes()
    state = checkpoint.read()
    checkpoint.write(state | {"fingerprint": "0" * 12})
    assert "digits has changed since it was started (fingerprint " in error("long")
    with monkeypatch.context() as patch:
        patch.setattr(checkpoints, "FORMAT", 9)
        checkpoint.write(state)
    assert "is of format 9, this version of kerascnn reads 1" in error("long")
    checkpoint.path.write_bytes(whole[:-100])
    assert "is damaged: start the run anew" in error("long")
    shutil.rmtree("mlruns/checkpoints")
    done = kerascnn("train", "--resume", "long")
    assert done.code == 0, done.err
    assert "starts again: it has no checkpoint" in done.out
    assert tracking.load_run("long").status == "FINISHED"
    assert "is finished: there is nothing to resume" in error("long")


def test_a_run_that_diverges_fails_on_one_line_and_keeps_its_best(
    workplace, kerascnn, monkeypatch
) -> None:
    def diverge(callback) -> None:
        callback.model.optimizer.schedule.scale.assign(1e38)

    _with(monkeypatch, _AtEpochBegin(2, diverge))
    done = kerascnn("train", "linear", "digits", "--epochs", "5", "--optimizer", "sgd")
    assert done.code == 1
    assert done.err.count("\n") == 1
    assert "Error: the loss is " in done.err
    assert " at epoch 3, step " in done.err
    assert "likely the learning rate, 0.01, is too high; kept the weights of epoch 2" in done.err
    run = tracking.load_run("latest")
    assert run.status == "FAILED"
    assert len(run.history["loss"]) == 2
    assert run.artifact("learning_curves.png").exists()
    weights = load_model(run.artifact("model.keras")).model.get_weights()
    assert all(np.isfinite(weight).all() for weight in weights)


def test_a_run_that_diverges_at_once(workplace, kerascnn) -> None:
    done = kerascnn(
        "train", "linear", "digits", "--optimizer", "sgd", "--learning-rate", "1e38"
    )  # fmt: skip
    assert done.code == 1
    assert "the learning rate, 1e+38, is too high; no weights to keep" in done.err
    assert tracking.load_run("latest").status == "FAILED"


@pytest.mark.ci
@pytest.mark.parametrize("small_disk", ["80m"], indirect=True)
def test_a_disk_that_fills_up_stops_a_run_that_can_go_on(small_disk, kerascnn, monkeypatch) -> None:
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    monkeypatch.chdir(small_disk)
    filler = small_disk / "filler"

    def fill(callback) -> None:
        with filler.open("wb", buffering=0) as file:
            try:
                while True:
                    file.write(bytes(4096))
            except OSError:
                pass

    with monkeypatch.context() as patch:
        _with(patch, _AtEpochBegin(3, fill))
        done = kerascnn("train", "mlp", "digits", "--epochs", "60", "--name", "full",
                        "--set", "training.early_stopping=null")  # fmt: skip
    assert done.code == 2
    *warned, last = done.err.splitlines()
    assert len(warned) <= 1
    assert all("cannot write a checkpoint (the one before is kept)" in line for line in warned)
    assert last.startswith("Error: cannot ")
    filler.unlink()
    run = tracking.load_run("full")
    assert run.status != "FINISHED"
    state = (checkpoint := Checkpoint(Path("mlruns/checkpoints") / run.id)).read()
    del state["callbacks"][-2]
    checkpoint.write(state)
    done = kerascnn("train", "--resume", "full")
    assert done.code == 0, done.err
    assert tracking.load_run("full").status == "FINISHED"


def test_a_finished_run_is_trained_on_as_a_new_one(workplace, kerascnn) -> None:
    train = ("train", "linear", "digits", "--epochs", 3, "--set", "optimizer.schedule=cosine")
    assert kerascnn(*train, "--name", "short").code == 0
    done = kerascnn("train", "--continue", "latest", "--epochs", 2, "--name", "more")
    assert (done.code, done.err) == (0, "")
    short, more = tracking.load_run("short"), tracking.load_run("more")
    assert re.search(
        rf"goes on from short \({short.id[:8]}\) with the weights of epoch 3", done.out
    )
    assert "the optimizer starts anew: finished runs keep no checkpoint" in done.out
    assert (more.status, more.tags["continues"]) == ("FINISHED", short.id)
    assert more.params["training.continue_from"] == short.id
    assert len(more.history["loss"]) == 2
    assert more.history["loss"][0] < short.history["loss"][-1] < 0.7 * short.history["loss"][0]
    done = kerascnn("train", "--continue", "short", "--init", "short")
    assert done.code == 2
    assert "continue_from: takes every weight of a run: leave initialize out" in done.err
    done = kerascnn("train", "lenet5", "digits", "--continue", "short")
    assert done.code == 2
    assert "continue_from: not the network of that run: c1 (not in the source)" in done.err
    assert len(tracking.list_runs()) == 2


def test_an_interrupted_run_is_trained_on_with_its_optimizer(
    workplace, kerascnn, monkeypatch
) -> None:
    _interrupted_in_epoch(3, monkeypatch, kerascnn, "--batch-size", 32)
    done = kerascnn("train", "--continue", "long", "--epochs", 2, "--learning-rate", 0.01)
    assert (done.code, done.err) == (0, "")
    assert re.search(r"goes on from long \(.{8}\) after epoch 2, step 16\n", done.out)
    assert "optimizer starts anew" not in done.out
    assert tracking.load_run("latest").history["learning_rate"] == pytest.approx([0.01] * 2)
    assert tracking.load_run("long").status == "KILLED"
    done = kerascnn("train", "--continue", "long", "--steps", 3, "--optimizer", "sgd")
    assert done.code == 0, done.err
    assert "the optimizer starts anew: it was adam" in done.out
