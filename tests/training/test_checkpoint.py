"""What a checkpoint holds, where it is written, and what training does where it cannot be."""

from __future__ import annotations

import os
import signal

import numpy as np
import pytest

from kerascnn.backend import keras
from kerascnn.recipe import load_recipe
from kerascnn.training import checkpoint as checkpoints
from kerascnn.training.checkpoint_file import Checkpoint
from kerascnn.training.fit import fit
from tests.assembled import prepare
from tests.training.spoiled import Spoil

SETTINGS = (
    "model={name: linear}",
    "training.batch_size=64",
    "training.epochs=4",
)


class _Interrupt(keras.callbacks.Callback):
    """Presses Ctrl-C, as often as told, after a step of an epoch."""

    def __init__(self, epoch: int, step: int, times: int = 1):
        super().__init__()
        self._epoch, self._step, self._times = epoch, step, times

    def on_epoch_begin(self, epoch, logs=None):
        self._now = epoch

    def on_train_batch_end(self, batch, logs=None):
        if (self._now, batch + 1) == (self._epoch, self._step):
            for _ in range(self._times):
                os.kill(os.getpid(), signal.SIGINT)


def _fit(*settings: str, callbacks=(), checkpoint=None, resumed=None):
    recipe = load_recipe("digits-quick", [*SETTINGS, *settings])
    data, model = prepare(recipe)
    outcome = fit(model, data, recipe, callbacks, checkpoint=checkpoint, resumed=resumed)
    return outcome, model


@pytest.mark.parametrize(("epoch", "step"), [(1, 7), (0, 2), (2, 22)])
def test_an_epoch_goes_on_in_its_middle(tmp_path, epoch, step) -> None:
    whole, _ = _fit()
    checkpoint = Checkpoint(tmp_path / "run")
    cut, _ = _fit(callbacks=[_Interrupt(epoch, step)], checkpoint=checkpoint)
    assert cut.interrupted
    state = checkpoint.read()
    # After the last of an epoch's 22 steps its validation is waited for.
    assert (state["epoch"], state["step"]) == ((epoch, step) if step < 22 else (epoch + 1, 0))
    assert cut.seconds == pytest.approx(state["seconds"], abs=1)
    never = _Interrupt(9, 9)  # the same callbacks, as their states are restored in order
    rest, _ = _fit(callbacks=[never], checkpoint=checkpoint, resumed=state)
    assert not rest.interrupted
    assert rest.seconds > state["seconds"]
    assert rest.step_seconds == pytest.approx(sum(rest.history["epoch_seconds"]))
    for name in ("loss", "accuracy", "val_loss", "learning_rate"):  # bit-equal: test_resume.py
        assert rest.history[name] == pytest.approx(whole.history[name], rel=0.02), name


def test_a_second_ctrl_c_acts_at_once(tmp_path) -> None:
    checkpoint = Checkpoint(tmp_path / "run")
    outcome, _ = _fit(callbacks=[_Interrupt(0, 3, times=2)], checkpoint=checkpoint)
    assert outcome.interrupted
    assert not checkpoint.path.exists()
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_a_run_that_had_ended_only_ends_again(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(checkpoints, "LARGEST_SHARE", np.inf)  # at every epoch's end
    checkpoint = Checkpoint(tmp_path / "run")
    settings = ("training.early_stopping=1", "optimizer.learning_rate=0.05", "training.epochs=30")
    whole, first = _fit(*settings, checkpoint=checkpoint)
    assert len(whole.history["loss"]) < 30
    state = checkpoint.read()
    assert state["stopped"]
    assert state["epoch"] == len(whole.history["loss"])
    again, model = _fit(*settings, checkpoint=checkpoint, resumed=state)
    assert again.history == whole.history
    assert again.best_epoch == whole.best_epoch
    for left, right in zip(first.get_weights(), model.get_weights(), strict=True):
        np.testing.assert_array_equal(left, right)


def test_within_an_epoch_every_few_minutes(tmp_path, monkeypatch) -> None:
    written = []
    monkeypatch.setattr(Checkpoint, "write", lambda self, state: written.append(state))
    checkpoint = Checkpoint(tmp_path / "run")
    _fit("training.epochs=1", checkpoint=checkpoint)
    assert [(state["epoch"], state["step"]) for state in written] == [(1, 0)]
    written.clear()
    with monkeypatch.context() as patch:
        patch.setattr(checkpoints, "LARGEST_SHARE", 1.0)
        _fit(
            "training.epochs=1", "training.batch_size=4", "training.checkpoint_minutes=1e-9",
            checkpoint=checkpoint,
        )  # fmt: skip
    steps = [state["step"] for state in written]
    assert steps == [*range(16, 344, 16), 0], "344 steps, 16 of them in a call"
    # A write that takes long is not repeated soon: at most a hundredth of the time.
    written.clear()
    clock = iter(range(0, 10**9, 1))
    monkeypatch.setattr("time.monotonic", lambda: float(next(clock)))
    _fit("training.epochs=3", checkpoint=checkpoint)
    assert len(written) < 3


@pytest.mark.parametrize("place", ["in-the-way", "full"])
def test_where_no_checkpoint_can_be_written_the_run_goes_on(tmp_path, place, request) -> None:
    if place == "full":
        folder = request.getfixturevalue("small_disk")
        (folder / "filler").write_bytes(bytes(1_000_000))
    else:
        folder = tmp_path / "a-file"
        folder.write_text("")
    with pytest.warns(UserWarning, match=r"cannot write a checkpoint \(none yet\), the run") as got:
        outcome, _ = _fit("training.epochs=3", checkpoint=Checkpoint(folder / "run"))
    assert sum("cannot write a checkpoint" in str(warning.message) for warning in got) == 1
    assert len(outcome.history["loss"]) == 3


def test_weights_spoiled_by_the_last_step_show_in_the_validation_loss(tmp_path) -> None:
    class SpoilAfter(Spoil):
        on_train_batch_begin = keras.callbacks.Callback.on_train_batch_begin
        on_train_batch_end = Spoil.on_train_batch_begin

    checkpoint = Checkpoint(tmp_path / "run")
    outcome, _ = _fit(callbacks=[SpoilAfter(1, 22, np.nan)], checkpoint=checkpoint)
    assert "the validation loss is nan after epoch 2: likely the lear" in str(outcome.failure)
    assert checkpoint.read()["epoch"] == 1
    # Nor does a checkpoint within an epoch take weights that the step before has spoiled.
    outcome, _ = _fit(
        "training.checkpoint_minutes=1e-9", callbacks=[SpoilAfter(0, 9, np.nan)],
        checkpoint=(late := Checkpoint(tmp_path / "late")),
    )  # fmt: skip
    assert "epoch 1, step 10" in str(outcome.failure)
    state = late.read()
    assert outcome.kept == f"epoch 1, step {state['step']}"
    assert all(np.isfinite(array).all() for array in state["model"])
