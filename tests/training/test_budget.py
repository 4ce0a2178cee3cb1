"""When a run ends: epochs, steps, the clock."""

from __future__ import annotations

import time

import pytest

from kerascnn.backend import keras
from kerascnn.recipe import load_recipe
from kerascnn.training.budget import Budget, planned_steps
from kerascnn.training.fit import fit
from kerascnn.training.position import Position
from kerascnn.training.spec import TrainSpec
from tests.assembled import prepare

LINEAR = ["model={name: linear}", "training.early_stopping=null"]


@pytest.mark.parametrize(
    ("fields", "steps"),
    [
        ({}, 20 * 43),
        ({"epochs": 3}, 129),
        ({"steps": 100}, 100),
        ({"epochs": 3, "steps": 100}, 100),
        ({"epochs": 2, "steps": 100}, 86),
        ({"time_limit": "1h"}, 20 * 43),
        ({"time_limit": "1h", "steps": 7}, 7),
    ],
)
def test_whichever_comes_first(fields, steps) -> None:
    assert planned_steps(TrainSpec(**fields), 43) == steps


class _Steps(keras.callbacks.Callback):
    def __init__(self):
        super().__init__()
        self.steps = 0

    def on_train_batch_end(self, batch, logs=None):
        self.steps += 1


def test_steps_end_within_an_epoch_and_it_is_validated() -> None:
    settings = [*LINEAR, "training.epochs=null", "training.steps=100"]
    recipe = load_recipe("digits-quick", [*settings, "optimizer.schedule={name: linear}"])
    data, model = prepare(recipe)
    count = _Steps()
    outcome = fit(model, data, recipe, [count])
    assert count.steps == int(model.optimizer.iterations) == 100
    assert len(outcome.history["val_loss"]) == 3  # epochs of 43, 43 and 14 steps
    rates = outcome.history["learning_rate"]
    assert rates[-1] == pytest.approx(0.001 * (1 - 99 / 100), rel=0.01)  # the schedule's end
    speeds = outcome.history["images_per_second"]
    assert speeds[-1] == pytest.approx(
        14 / 43 * 1374 / outcome.history["epoch_seconds"][-1], rel=0.01
    )


class _Clock(keras.callbacks.Callback):
    """A clock of ours: a step takes 0.02 s and the first one 2 s, a batch of validation 0.01 s."""

    def __init__(self):
        super().__init__()
        self.now = 1000.0
        self._compiled = False

    def on_train_batch_begin(self, batch: int, logs: object = None) -> None:
        self.now += 0.02 if self._compiled else 2.0
        self._compiled = True

    def on_test_batch_begin(self, batch: int, logs: object = None) -> None:
        self.now += 0.01


def test_a_time_limit_holds_and_the_schedule_ends_with_it(monkeypatch) -> None:
    clock = _Clock()
    monkeypatch.setattr("time.perf_counter", lambda: clock.now)
    recipe = load_recipe(
        "digits-quick",
        ["model={name: mlp}", "training.early_stopping=null", "training.epochs=null",
         "training.time_limit=12s", "optimizer.schedule={name: linear}"],
    )  # fmt: skip
    data, model = prepare(recipe)
    outcome = fit(model, data, recipe, [clock], started=clock.now)
    assert 9 < clock.now - 1000 < 12  # the final scores' share is left over
    rates = outcome.history["learning_rate"]
    assert len(rates) > 3
    assert rates[-1] < 0.1 * 0.001


def test_time_left_and_total_from_what_steps_and_pauses_take(monkeypatch) -> None:
    """A clock of ours: steps of 0.1 s, validations of 2 s, a limit of 60 s."""
    now = [0.0]
    monkeypatch.setattr("time.perf_counter", lambda: now[0])
    position = Position(0, 0, 50)
    fitted: list[int] = []
    budget = Budget(
        TrainSpec(time_limit=60),
        position,
        validation_steps=30,
        final_scores=3.0,
        refit=fitted.append,
    )
    model = keras.Sequential()
    callbacks: list[keras.callbacks.Callback] = [position, budget]
    for callback in callbacks:
        callback.set_model(model)
    model.stop_training = False
    assert budget.seconds_left is None
    assert not budget.exact
    epoch = 0
    while not model.stop_training:
        for callback in callbacks:
            callback.on_epoch_begin(epoch)
        for batch in range(50):
            now[0] += 5.0 if (epoch, batch) == (0, 0) else 0.1  # the first one compiles
            for callback in callbacks:
                callback.on_train_batch_end(batch)
            if model.stop_training:
                break
        budget.on_test_begin()
        now[0] += 2.0
        budget.on_test_end()
        budget.on_epoch_end(epoch)
        if epoch == 1:
            left = budget.seconds_left
            assert left == pytest.approx(60 - now[0] - 3 * 2, abs=2.5)  # the final scores reserved
        epoch += 1
    assert 60 - 3 * 2.0 - 1.0 < now[0] <= 60 - 3 * 2.0 + 0.2
    assert fitted[-1] == pytest.approx(budget.steps, abs=2)
    assert budget.steps == 50 * (epoch - 1) + position.step


def test_an_epoch_of_one_call_is_measured(monkeypatch) -> None:
    """A clock of ours: calls of 11 steps and 0.55 s, the first of which compiles."""
    now = [0.0]
    monkeypatch.setattr("time.perf_counter", lambda: now[0])
    position = Position(0, 0, 11)
    position.taken = 11
    budget = Budget(TrainSpec(time_limit="60s", epochs=None), position)
    model = keras.Sequential()
    for callback in (position, budget):
        callback.set_model(model)
    for epoch in range(3):
        for callback in (position, budget):
            callback.on_epoch_begin(epoch)
            callback.on_train_batch_begin(0)
        now[0] += 0.55 if epoch else 5.0
        for callback in (position, budget):
            callback.on_train_batch_end(0)
        assert budget.steps_per_second == (pytest.approx(20) if epoch else None)


def test_the_clock_goes_on_where_it_stood() -> None:
    spec = TrainSpec(time_limit="1h", epochs=1000)
    first = Budget(spec, Position(0, 0, 10), started=time.perf_counter() - 100)
    second = Budget(spec, Position(0, 0, 10))
    second.set_state(first.get_state())
    assert second.get_state()["seconds"] == pytest.approx(100, abs=1)
    assert second.total_steps == first.total_steps


def test_a_validation_of_a_few_images_does_not_foretell_the_scores(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Fifty images take half a second, all of it overhead; 20,000 are scored in the end."""
    now = [0.0]
    monkeypatch.setattr(time, "perf_counter", lambda: now[0])
    position = Position(0, 0, 8)
    budget = Budget(
        TrainSpec(time_limit=120, epochs=100), position, validation_steps=1, final_scores=400.0
    )
    model = keras.Sequential()
    for callback in (position, budget):
        callback.set_model(model)
    model.stop_training = False
    for epoch in range(3):
        for callback in (position, budget):
            callback.on_epoch_begin(epoch)
        for batch in range(8):
            now[0] += 5.0 if (epoch, batch) == (0, 0) else 0.1
            for callback in (position, budget):
                callback.on_train_batch_end(batch)
        budget.on_test_begin()
        now[0] += 0.5
        budget.on_test_end()
        for callback in (position, budget):
            callback.on_epoch_end(epoch)
    assert not model.stop_training
    assert budget.epochs > 50
