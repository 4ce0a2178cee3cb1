"""The training run: best weights, Ctrl-C, bit-equal repeats."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from kerascnn.backend import keras
from kerascnn.recipe import load_recipe
from kerascnn.training.fit import fit
from tests.assembled import prepare


class _Interrupt(keras.callbacks.Callback):
    """Presses Ctrl-C in the given epoch."""

    def __init__(self, epoch: int):
        super().__init__()
        self._epoch, self._now = epoch, -1

    def on_epoch_begin(self, epoch, logs=None):
        self._now = epoch

    def on_train_batch_end(self, batch, logs=None):
        if self._now == self._epoch:
            os.kill(os.getpid(), signal.SIGINT)


class _Weights(keras.callbacks.Callback):
    """Remembers the weights and the validation loss of each epoch."""

    def __init__(self):
        super().__init__()
        self.epochs = []

    def on_epoch_end(self, epoch, logs=None):
        self.epochs.append((logs["val_loss"], self.model.get_weights()))


def _fit(*settings: str, callbacks=()):
    recipe = load_recipe("digits-quick", settings)
    data, model = prepare(recipe)
    return fit(model, data, recipe, callbacks), model


def test_the_weights_of_the_best_epoch_are_left_in_the_model() -> None:
    watch = _Weights()
    # A learning rate that makes the validation loss jump about.
    outcome, model = _fit("training.epochs=5", "optimizer.learning_rate=0.01", callbacks=[watch])
    losses = [loss for loss, _ in watch.epochs]
    assert outcome.best_epoch == int(np.argmin(losses))
    for kept, best in zip(model.get_weights(), watch.epochs[outcome.best_epoch][1], strict=True):
        np.testing.assert_array_equal(kept, best)
    assert outcome.history["val_loss"] == pytest.approx(losses)
    assert not outcome.interrupted


def test_the_last_weights_are_kept_where_that_is_asked_for() -> None:
    watch = _Weights()
    outcome, model = _fit(
        "training.epochs=2", "optimizer.learning_rate=0.5", "training.keep=last", callbacks=[watch]
    )
    assert outcome.best_epoch == 1
    for kept, last in zip(model.get_weights(), watch.epochs[1][1], strict=True):
        np.testing.assert_array_equal(kept, last)


def test_ctrl_c_keeps_the_best_weights_so_far(capsys) -> None:
    watch = _Weights()
    outcome, model = _fit("training.epochs=9", callbacks=[watch, _Interrupt(epoch=2)])
    assert outcome.interrupted
    assert len(watch.epochs) == 2
    best = watch.epochs[outcome.best_epoch][1]
    for kept, weights in zip(model.get_weights(), best, strict=True):
        np.testing.assert_array_equal(kept, weights)
    assert capsys.readouterr().out.count("epoch ") == 2


def test_ctrl_c_in_the_first_epoch() -> None:
    outcome, _ = _fit("training.epochs=9", callbacks=[_Interrupt(epoch=0)])
    assert outcome.interrupted
    assert outcome.best_epoch is None


def test_early_stopping_and_the_plateau_schedule() -> None:
    outcome, _ = _fit(
        "training.epochs=40",
        "optimizer.learning_rate=0.02",
        "optimizer.schedule.patience=1",
        "training.early_stopping=3",
    )
    rates = outcome.history["learning_rate"]
    assert rates[0] == pytest.approx(0.02)
    assert rates[-1] <= 0.0021
    assert len(rates) == outcome.best_epoch + 1 + 3 < 40


@pytest.mark.ci
def test_every_optimizer_learns_and_constant_is_constant() -> None:
    for name, rate in (("sgd", 0.05), ("adam", 0.001), ("adamw", 0.001)):
        outcome, _ = _fit(
            "model={name: mlp}",
            "training.epochs=2",
            f"optimizer.name={name}",
            f"optimizer.learning_rate={rate}",
            "optimizer.schedule.name=constant",
        )
        assert outcome.history["learning_rate"] == pytest.approx([rate, rate])
        assert outcome.history["val_accuracy"][-1] > 0.5


REPEAT = """
import hashlib, sys
from kerascnn.recipe import load_recipe
from kerascnn.training.determinism import ops_are_deterministic
from kerascnn.training.session import assemble
assert not ops_are_deterministic()
for seed in sys.argv[1:]:
    recipe = load_recipe("digits-quick", [
        "model={name: convnet, dropout: 0.2, batch_norm: true, filters: 4, dense: [32]}",
        "training.epochs=1", "training.deterministic=true", f"training.seed={seed}"])
    session = assemble(recipe)
    session.fit()
    model = session.model
    print(hashlib.sha256(b"".join(w.tobytes() for w in model.get_weights())).hexdigest())
assert ops_are_deterministic()
"""


@pytest.mark.ci
def test_the_same_seed_twice_gives_equal_weights_bit_for_bit(tmp_path: Path) -> None:
    repeats = [
        subprocess.Popen(
            [sys.executable, "-c", REPEAT, *seeds],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=tmp_path,
        )
        for seeds in (["7"], ["7", "8"])
    ]
    hashes = []
    for repeat in repeats:
        out, err = repeat.communicate(timeout=300)
        assert (repeat.returncode, err) == (0, "")
        hashes += [line for line in out.splitlines() if len(line) == 64]
    first, again, other = hashes
    assert first == again != other
