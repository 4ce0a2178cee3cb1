"""The head alone for some epochs, then all layers: what waits, and what begins again."""

from __future__ import annotations

import os
import signal
from typing import Any

import numpy as np
import pytest

from kerascnn.backend import keras
from kerascnn.errors import UserError
from kerascnn.recipe import load_recipe
from kerascnn.training.checkpoint_file import Checkpoint
from kerascnn.training.compilation import build_schedule, compile_model, training_stream
from kerascnn.training.fit import fit
from kerascnn.training.initialization import StartingWeights
from kerascnn.training.optimizers import recipe_optimizer
from kerascnn.training.session import assemble
from tests.assembled import prepare

SMALL = {
    "model": {
        "name": "convnet",
        "stages": 1,
        "convolutions": 1,
        "filters": 4,
        "dense": [8],
        "batch_norm": True,
    },
    "data": {"name": "digits", "image_size": 8, "train_fraction": 0.3},
    "optimizer": {"name": "adamw", "learning_rate": 0.01, "backbone_rate": 0.5},
    "training": {
        "initialize": "weights.keras",  # not read: the tests start from weights that are drawn
        "head_epochs": 2,
        "epochs": 3,
        "batch_size": 64,
        "device": "cpu",
        "early_stopping": None,
    },
}
STEPS = 7


class _Weights(keras.callbacks.Callback):
    """Remembers the weights after each epoch, by layer."""

    def __init__(self):
        super().__init__()
        self.epochs: list[dict[str, Any]] = []

    def on_train_begin(self, logs=None):
        self.epochs.append(_by_layer(self.model))

    def on_epoch_end(self, epoch, logs=None):
        self.epochs.append(_by_layer(self.model))


def _by_layer(model):
    return {layer.name: layer.get_weights() for layer in model.layers if layer.weights}


def _changed(before, after) -> set[str]:
    return {
        name
        for name in before
        if not all(np.array_equal(a, b) for a, b in zip(before[name], after[name], strict=True))
    }


def _fit(*settings: str, callbacks=(), **more):
    recipe = load_recipe(SMALL, settings)
    data, model = prepare(recipe)
    return fit(model, data, recipe, callbacks, report=None, **more), model


STEPWISE = keras.callbacks.LambdaCallback(on_train_batch_end=lambda batch, logs: None)


@pytest.mark.parametrize(
    ("settings", "callbacks"),
    [
        ([], []),  # several steps in a call
        pytest.param(
            ["optimizer.ema=0.9", "optimizer.accumulation=2", "optimizer.max_norm=0.5"],
            [STEPWISE],
            marks=pytest.mark.ci,
        ),
        (["optimizer={name: sgd, momentum: 0.9, weight_decay: 0.1}"], []),
    ],
)
def test_all_but_the_head_wait(settings: list[str], callbacks: list[Any]) -> None:
    watch = _Weights()
    _, model = _fit(*settings, "training.keep=last", callbacks=[watch, *callbacks])
    start, first, second, third = watch.epochs
    learning = {layer.name for layer in model.layers if layer.trainable_weights}
    head = _changed(start, first)
    assert len(head) == 1
    assert head <= learning
    assert _changed(first, second) == head
    assert _changed(second, third) == learning, "batch norm's statistics are among them"
    assert all(layer.trainable for layer in model.layers)


def test_the_optimizer_begins_again_where_the_others_join() -> None:
    outcome, model = _fit("optimizer.schedule={name: cosine}", "training.epochs=4")
    optimizer = recipe_optimizer(model)
    assert int(optimizer.iterations) == 2 * STEPS
    rates = np.array(outcome.history["learning_rate"])
    half = 0.01 * (1 - np.cos(np.pi * (1 - np.array([STEPS - 1, 2 * STEPS - 1]) / 14))) / 2
    np.testing.assert_allclose(rates, [0.01, 0.01, *half], rtol=1e-5)


def test_it_is_two_trainings_one_after_the_other() -> None:
    """Against Keras's own way: freeze, compile, fit; thaw, compile, fit."""
    watch = _Weights()
    settings = ["optimizer.schedule={name: linear}"]
    _fit(*settings, "training.head_epochs=1", "training.epochs=2", callbacks=[watch])

    recipe = load_recipe(SMALL, [*settings, "training.head_epochs=0", "training.epochs=1"])
    data, model = prepare(recipe)
    others = [layer for layer in model.layers if layer.weights][:-1]
    for epoch, waiting in enumerate((True, False)):
        for layer in others:
            layer.trainable = not waiting
        plain = load_recipe(recipe, ["optimizer.schedule=constant"] if waiting else [])
        compile_model(model, plain, build_schedule(data, plain))
        batches = training_stream(model, data, plain, epoch=epoch)
        model.fit(batches, steps_per_epoch=STEPS, verbose=0, shuffle=False)
        for name, weights in _by_layer(model).items():
            for one, two in zip(weights, watch.epochs[epoch + 1][name], strict=True):
                np.testing.assert_allclose(one, two, rtol=1e-4, atol=1e-5, err_msg=name)


def test_a_run_may_end_before_the_others_join() -> None:
    recipe = load_recipe(SMALL, ["optimizer.ema=0.9", "training.epochs=1"])
    data, model = prepare(recipe)
    before = _by_layer(model)
    fit(model, data, recipe, report=None)
    assert len(_changed(before, _by_layer(model))) == 1
    assert all(layer.trainable for layer in model.layers)


class _Interrupt(keras.callbacks.Callback):
    """Presses Ctrl-C after a step of an epoch."""

    def __init__(self, epoch: int, step: int):
        super().__init__()
        self._place, self._now = (epoch, step), 0

    def on_epoch_begin(self, epoch, logs=None):
        self._now = epoch

    def on_train_batch_end(self, batch, logs=None):
        if (self._now, batch + 1) == self._place:
            os.kill(os.getpid(), signal.SIGINT)


@pytest.mark.ci
@pytest.mark.parametrize(
    "place",
    [
        (0, 3),
        pytest.param((1, STEPS), marks=pytest.mark.slow),
        pytest.param((2, 2), marks=pytest.mark.slow),
    ],
)
def test_a_resumed_run_goes_on_in_either_part(tmp_path, place: tuple[int, int]) -> None:
    settings = ["optimizer.ema=0.5"]
    whole, model = _fit(*settings)
    checkpoint = Checkpoint(tmp_path / "run")
    _fit(*settings, callbacks=[_Interrupt(*place)], checkpoint=checkpoint)
    state = checkpoint.read()
    rest, again = _fit(*settings, callbacks=[_Interrupt(9, 9)], resumed=state)
    assert int(recipe_optimizer(again).iterations) == STEPS
    for name in ("loss", "val_loss", "learning_rate"):  # bit-equal: test_resume.py
        assert rest.history[name] == pytest.approx(whole.history[name], rel=0.02), name
    for one, two in zip(model.get_weights(), again.get_weights(), strict=True):
        np.testing.assert_allclose(one, two, rtol=0.02, atol=1e-3)


def _assembled(*settings: str) -> tuple[Any, list[str]]:
    recipe = load_recipe(SMALL, settings)
    lines: list[str] = []
    source = prepare(recipe)[1]

    def weights(*_: Any) -> StartingWeights:
        found = StartingWeights.of(source, "the source")
        return StartingWeights("the source", {k: v for k, v in found.layers.items() if k != "fc1"})

    return assemble(recipe, weights_of=weights, report=lines.append), lines


def test_what_is_told_of_it() -> None:
    session, lines = _assembled()
    last = [layer.name for layer in session.model.layers if layer.weights][-1]
    assert session.head == {"fc1", last}
    assert f"the head alone (fc1, {last}) for 2 epochs, then all layers" in lines
    _, lines = _assembled("training.epochs=2")
    assert lines[-1].endswith("for 2 epochs, which is all of the run")


def test_a_head_that_is_frozen_cannot_be_first() -> None:
    with pytest.raises(UserError, match=r"training.head_epochs: the head \(fc1, fc2\) is frozen"):
        _assembled("training.freeze=[fc*]")
