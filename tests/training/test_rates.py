"""How fast training goes, and how long it waits for data."""

from __future__ import annotations

import time
from types import SimpleNamespace

import numpy as np
import pytest

from kerascnn.backend import keras, tf
from kerascnn.recipe import load_recipe
from kerascnn.training.optimizers import build_optimizer
from kerascnn.training.position import Position
from kerascnn.training.rates import DataWait, Rates, training_rate
from kerascnn.training.schedules import Schedule


def _wait_share(delay: float) -> float:
    """How much of a loop that computes 5 ms a step is waiting for batches that take `delay`."""

    def slow(number):
        def sleep(value):
            time.sleep(delay)
            return value

        return tf.numpy_function(sleep, [number], tf.int64, stateful=True)

    wait = DataWait()
    batches = wait.watch(tf.data.Dataset.range(60).map(slow).prefetch(4))
    iterator = iter(batches)
    next(iterator)
    start, waited = time.perf_counter(), wait.seconds()
    for _ in iterator:
        time.sleep(0.005)
    return (wait.seconds() - waited) / (time.perf_counter() - start)


def test_waiting_for_data_is_measured() -> None:
    assert min(_wait_share(0.0) for _ in range(3)) < 0.2  # the machine may be busy
    assert _wait_share(0.02) > 0.5


def test_what_is_watched_stays_the_same() -> None:
    wait = DataWait()
    batches = tf.data.Dataset.range(10).map(lambda i: (i, {"a": 2 * i})).batch(3)
    for (x, y), (same, other) in zip(batches, wait.watch(batches), strict=True):
        np.testing.assert_array_equal(x, same)
        np.testing.assert_array_equal(y["a"], other["a"])
    assert wait.seconds() > 0


def test_nothing_is_measured_where_that_is_asked_for() -> None:
    wait = DataWait(enabled=False)
    batches = tf.data.Dataset.range(10)
    assert wait.watch(batches) is batches
    assert wait.seconds() == 0


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """A clock of ours: its seconds, and those of them that training waited."""
    now = SimpleNamespace(seconds=0.0, waited=0.0)
    monkeypatch.setattr("time.perf_counter", lambda: now.seconds)
    monkeypatch.setattr(DataWait, "seconds", lambda self: now.waited)
    return now


def _rates(position: Position, images: int = 600, *, enabled: bool = True) -> Rates:
    rates = Rates(images, DataWait(enabled=enabled), position)
    inputs = keras.Input((2,))
    model = keras.Model(inputs, keras.layers.Dense(1)(inputs))
    spec = load_recipe("digits-quick", ["optimizer={name: sgd, learning_rate: 0.25}"]).optimizer
    schedule = Schedule(spec, steps=100, steps_per_epoch=10)
    model.compile(optimizer=build_optimizer(spec, model, schedule), loss="mse")
    rates.set_model(model)
    return rates


def _epoch(rates: Rates, clock: SimpleNamespace, seconds: float, waited: float) -> dict:
    """An epoch of so many seconds, followed by a validation of 100."""
    logs: dict = {}
    rates.on_epoch_begin(0)
    clock.seconds += seconds
    clock.waited += waited
    rates.on_test_begin()
    clock.seconds += 100
    rates.on_epoch_end(0, logs)
    return logs


def test_an_epochs_figures_leave_its_validation_out(clock) -> None:
    position = Position(0, 10, 10)
    rates = _rates(position)
    assert _epoch(rates, clock, 20.0, 5.0) == {
        "learning_rate": 0.25, "epoch_seconds": 20, "images_per_second": 30,
        "data_wait_share": 0.25,
    }  # fmt: skip
    _epoch(rates, clock, 10.0, 1.0)
    assert (rates.fit_seconds, rates.waited_seconds) == (30, 6)


def test_an_epoch_that_is_cut_off_has_the_same_rate(clock) -> None:
    logs = _epoch(_rates(Position(0, 4, 10)), clock, 8.0, 0.0)
    assert logs["images_per_second"] == 30


def test_waiting_is_left_out_where_it_is_not_measured(clock) -> None:
    assert "data_wait_share" not in _epoch(_rates(Position(0, 10, 10), enabled=False), clock, 2, 0)


def test_a_resumed_epoch_has_the_time_from_before(clock) -> None:
    first = _rates(Position(0, 4, 10))
    first.fit_seconds = 7.0
    first.on_epoch_begin(0)
    clock.seconds, clock.waited = 8.0, 2.0
    state = first.get_state()
    clock.seconds, clock.waited = 1000.0, 900.0  # another process, later
    second = _rates(Position(0, 10, 10))
    second.set_state(state)
    logs = _epoch(second, clock, 12.0, 3.0)
    assert logs["epoch_seconds"] == 20
    assert logs["data_wait_share"] == 0.25
    assert second.fit_seconds == 27
    assert _epoch(second, clock, 5.0, 0.0)["epoch_seconds"] == 5, "the next one is its own"


def test_the_rate_of_training_is_that_of_later_epochs_without_their_waiting() -> None:
    def rate(speeds: list[float], waits: list[float]) -> dict[str, float]:
        return training_rate({"images_per_second": speeds, "data_wait_share": waits})

    assert rate([3, 50, 60, 70], [0, 0.5, 0.25, 1]) == {"training": 90}  # that of 100 and 80
    assert rate([3], [0.5]) == {"training": 6}
    assert training_rate({}) == {}
