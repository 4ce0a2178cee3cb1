"""A loss that is no number ends the run, and says where it began and why."""

from __future__ import annotations

import math

import numpy as np
import pytest

from kerascnn.backend import keras
from kerascnn.errors import TrainingError
from kerascnn.recipe import load_recipe
from kerascnn.training.finite import FiniteLoss
from kerascnn.training.fit import fit
from kerascnn.training.position import Position
from tests.assembled import prepare
from tests.training.spoiled import Spoil

SETTINGS = ("model={name: linear}", "training.batch_size=64", "training.epochs=2")


def _fit(*settings: str, callbacks=()):
    recipe = load_recipe("digits-quick", [*SETTINGS, *settings])
    data, model = prepare(recipe)
    return fit(model, data, recipe, callbacks), model


def test_a_loss_that_is_nan_names_its_first_step_and_keeps_the_best_weights() -> None:
    outcome, model = _fit(callbacks=[Spoil(1, 5, np.nan)])
    assert str(outcome.failure) == (
        "the loss is nan at epoch 2, step 5 of 22: likely the learning rate, 0.001, is too high"
    )
    assert outcome.kept == "epoch 1"
    assert all(np.isfinite(weight).all() for weight in model.get_weights())
    assert len(outcome.history["loss"]) == 1


def test_it_is_noticed_within_a_second_of_the_step(monkeypatch) -> None:
    looked: list[int] = []
    look = FiniteLoss.look
    monkeypatch.setattr("kerascnn.training.finite._SECONDS", 0.0)

    def noted(self: FiniteLoss) -> None:
        looked.append(self._position.step)
        look(self)

    monkeypatch.setattr(FiniteLoss, "look", noted)
    outcome, _ = _fit(callbacks=[Spoil(0, 5, np.inf)])
    assert "at epoch 1, step 5" in str(outcome.failure)
    assert looked == [1, 2, 3, 4, 5]


def test_the_first_step_of_a_run_and_half_precision_have_causes_of_their_own() -> None:
    outcome, _ = _fit(callbacks=[Spoil(0, 1, np.nan)])
    assert "step 1 of 22: likely a bad input or start" in str(outcome.failure)
    assert outcome.kept is None
    outcome, _ = _fit("training.precision=mixed_float16", callbacks=[Spoil(0, 2, np.nan)])
    assert "step 2 of 22: likely an overflow in float16" in str(outcome.failure)


def _watched(position: Position, calls: list[tuple[int, int, float]]) -> FiniteLoss:
    """Has seen calls of so many steps, of which so many were done, and the mean loss after each."""
    finite = FiniteLoss(position, 0.25)
    finite.set_model(keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)]))
    for taken, done, loss in calls:
        position.taken, position.done = taken, done
        position.step += taken
        finite.on_train_batch_end(position.step - 1, {"loss": loss})
    return finite


def test_the_step_within_a_call_of_several_is_named() -> None:
    finite = _watched(Position(2, 0, 50), [(16, 16, 1.0), (16, 5, math.inf), (16, 1, math.inf)])
    with pytest.raises(
        TrainingError, match="^the loss is inf at epoch 3, step 21 of 50: likely th"
    ):
        finite.look()


def test_finite_losses_are_looked_at_once() -> None:
    finite = _watched(Position(0, 0, 50), [(1, 1, 2.0), (1, 1, 1.0)])
    finite.look()
    finite.look()
    finite.on_test_begin()
    finite.on_epoch_end(0, {"val_loss": 0.5})


@pytest.mark.parametrize(
    ("position", "cause"),
    [
        (Position(0, 0, 50), "likely a bad input or start, as it was the run's first step"),
        (Position(1, 0, 50), "likely the learning rate, 0.25, is too high"),
        (Position(0, 9, 50), "likely the learning rate, 0.25, is too high"),  # resumed there
    ],
)
def test_a_run_that_was_resumed_had_a_good_start(position: Position, cause: str) -> None:
    finite = _watched(position, [(1, 1, math.nan)])
    with pytest.raises(TrainingError, match=cause):
        finite.on_test_begin()


def test_the_validation_loss_is_looked_at_too() -> None:
    finite = _watched(Position(0, 0, 2), [(1, 1, 2.0), (1, 1, 1.0)])
    finite.on_test_begin()
    with pytest.raises(
        TrainingError, match="^the validation loss is nan after epoch 1: likely the learning rate"
    ):
        finite.on_epoch_end(0, {"val_loss": math.nan})
