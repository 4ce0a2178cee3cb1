"""Every schedule against NumPy, step by step, through real training."""

from __future__ import annotations

import math

import numpy as np
import pytest

from kerascnn.backend import keras
from kerascnn.errors import UserError
from kerascnn.recipe import load_recipe
from kerascnn.training.fit import fit
from kerascnn.training.optimizer_spec import OptimizerSpec
from kerascnn.training.schedules import Plateau, Schedule
from tests.assembled import prepare

EPOCHS, STEPS = 6, 6  # of 256 digits
TOTAL = EPOCHS * STEPS
T = np.arange(TOTAL)


class _Rates(keras.callbacks.Callback):
    """Remembers the learning rate of every step."""

    def __init__(self):
        super().__init__()
        self.rates = []

    def on_train_batch_end(self, batch, logs=None):
        self.rates.append(self.model.optimizer.figures()["learning_rate"])


def _fit(optimizer, *settings, callbacks=()):
    recipe = load_recipe(
        {
            "model": {"name": "linear"},
            "data": {"name": "digits"},
            "optimizer": optimizer,
            "training": {"epochs": EPOCHS, "batch_size": 256, "early_stopping": None},
        },
        settings,
    )
    data, model = prepare(recipe)
    return fit(model, data, recipe, callbacks), model


def _cosine(left):
    return (1 - np.cos(np.pi * left)) / 2


def _left(start, end):
    return 1 - np.clip((T - start) / (end - start), 0, 1)


def _warm(length, start, rates):
    return np.where(length > T, start + (1 - start) * (T + 1) / length, rates)


_up = np.clip(T / (0.25 * TOTAL), 0, 1)
_down = 1 - np.clip((T - 0.25 * TOTAL) / (0.75 * TOTAL), 0, 1)
REFERENCES = {
    "constant": ({"name": "constant"}, np.ones(TOTAL)),
    "constant with warm-up": (
        {"name": "constant", "warmup": 2},
        _warm(12, 0, np.ones(TOTAL)),
    ),
    "step at epochs": ({"name": "step", "at": [2, 5]}, 0.1 ** np.digitize(T, [12, 30])),
    "step at steps, He's warm-up": (
        {
            "name": "step",
            "unit": "steps",
            "at": [20, 31],
            "factor": 0.5,
            "warmup": 4,
            "start": 0.1,
            "warmup_shape": "constant",
        },
        np.where(T < 4, 0.1, 0.5 ** np.digitize(T, [20, 31])),
    ),
    "cosine": ({"name": "cosine"}, _cosine(_left(0, TOTAL))),
    "cosine with warm-up": (
        {"name": "cosine", "unit": "steps", "warmup": 5, "start": 0.2, "final": 0.1},
        _warm(5, 0.2, 0.1 + 0.9 * _cosine(_left(5, TOTAL))),
    ),
    "linear until": (
        {"name": "linear", "until": 4, "final": 0.01},
        0.01 + 0.99 * _left(0, 24),
    ),
    "polynomial": ({"name": "polynomial", "power": 2}, _left(0, TOTAL) ** 2),
    "exponential": ({"name": "exponential", "factor": 0.9}, 0.9 ** (T / STEPS)),
    "exponential, GoogLeNet's": (
        {"name": "exponential", "every": 2, "staircase": True},
        0.96 ** (T // 12),
    ),
    "exponential with an end": (
        {"name": "exponential", "factor": 0.5, "unit": "steps", "every": 3, "final": 0.01},
        np.maximum(0.5 ** (T / 3), 0.01),
    ),
    "one-cycle": (
        {"name": "one-cycle", "peak": 0.25, "final": 0.001},
        np.where(T < 9, 0.04 + 0.96 * _cosine(_up), 0.001 + 0.999 * _cosine(_down)),
    ),
    "triangle": (
        {"name": "one-cycle", "peak": 0.25, "start": 0.2, "final": 0.07, "shape": "linear"},
        np.where(T < 9, 0.2 + 0.8 * _up, 0.07 + 0.93 * _down),
    ),
}


@pytest.mark.parametrize("name", REFERENCES)
def test_every_step_has_the_rate_of_the_reference(name, capsys):
    schedule, expected = REFERENCES[name]
    seen = _Rates()
    outcome, _ = _fit({"learning_rate": 0.02, "schedule": schedule}, callbacks=[seen])
    np.testing.assert_allclose(seen.rates, 0.02 * expected, rtol=2e-5, atol=1e-9)
    # What is logged of an epoch is the rate of its last step, not of the next one.
    last = 0.02 * expected[STEPS - 1 :: STEPS]
    np.testing.assert_allclose(outcome.history["learning_rate"], last, rtol=2e-5, atol=1e-9)


def test_weights_move_by_the_rate_of_the_schedule():
    """One SGD step per epoch of two: the second, at a rate of 0, must not move anything."""
    weights = []
    watch: keras.callbacks.Callback = keras.callbacks.LambdaCallback(
        on_epoch_end=lambda epoch, logs: weights.append(watch.model.get_weights()[-2].copy())
    )
    _fit(
        {"name": "sgd", "momentum": 0, "schedule": {"name": "linear", "until": 1}},
        "training.epochs=3",
        callbacks=[watch],
    )
    np.testing.assert_array_equal(weights[0], weights[1])
    np.testing.assert_array_equal(weights[1], weights[2])


def _schedule(steps=100, **schedule):
    return Schedule(
        OptimizerSpec(learning_rate=1.0, schedule=schedule), steps=steps, steps_per_epoch=10
    )


@pytest.mark.parametrize(
    "spec",
    [
        {"name": "cosine", "warmup": 1},
        {"name": "step", "at": [3, 7]},
        {"name": "exponential", "staircase": True, "every": 3},
        {"name": "one-cycle"},
    ],
)
@pytest.mark.parametrize("steps", [20, 50, 300])
def test_refitted_to_another_length_all_times_are_stretched_alike(spec, steps):
    planned, refitted = _schedule(**spec), _schedule(**spec)
    refitted.refit(steps)
    for step in range(0, steps, 10):
        same = step * 100 / steps
        near = [float(planned(round(same) + shift)) for shift in (-1, 0, 1)]
        assert min(near) - 1e-6 <= float(refitted(step)) <= max(near) + 1e-6


def test_a_refit_is_part_of_the_optimizers_variables():
    _, model = _fit({"schedule": "cosine"}, "training.epochs=1")
    schedule = model.optimizer.schedule
    before = [variable.numpy() for variable in model.optimizer.variables]
    schedule.refit(1000)
    schedule.scale.assign(0.1)
    assert float(schedule(0)) != pytest.approx(0.001)
    for variable, value in zip(model.optimizer.variables, before, strict=True):
        variable.assign(value)
    assert float(schedule(0)) == pytest.approx(0.001)


def test_warm_up_longer_than_the_run_is_refused_before_the_run():
    settings = ["optimizer.schedule={name: cosine, unit: steps, warmup: 37}"]
    with pytest.raises(UserError, match="warmup: got 37 steps, the run has only 36$"):
        _fit({}, *settings)


def _plateau(losses, **spec):
    """Returns the scale after each epoch of these validation losses."""
    schedule = _schedule(name="plateau", **spec)
    callback = Plateau(schedule)
    scales = []
    for epoch, loss in enumerate(losses):
        callback.on_epoch_end(epoch, {"val_loss": loss})
        scales.append(round(math.log10(float(schedule.scale))))
    return scales, callback


@pytest.mark.parametrize("name", ["linear", "plateau", "step", "one-cycle"])
def test_before_the_schedule_the_rate_is_the_full_one(name):
    at = {"at": [2]} if name == "step" else {}
    spec = OptimizerSpec(learning_rate=0.5, schedule={"name": name, **at})
    plain = Schedule(spec, steps=20, steps_per_epoch=5)
    later = Schedule(spec, steps=30, steps_per_epoch=5, head_steps=10)
    later.first = later.head_steps
    assert [float(later(step)) for step in (0, 9)] == [0.5, 0.5]
    for step in range(20):
        assert float(later(step + 10)) == pytest.approx(float(plain(step)))
    plain.refit(10)
    later.refit(20)
    assert float(later(17)) == pytest.approx(float(plain(7)))


def test_plateau_divides_after_epochs_without_a_better_loss():
    assert _plateau([3, 2, 2, 2, 1, 1, 1, 1], patience=2)[0] == [0, 0, 0, -1, -1, -1, -2, -2]
    # Less than 0.0001 is no fall, and neither is what is not a number.
    assert _plateau([1, 0.99995, math.nan], patience=2)[0] == [0, 0, -1]


def test_plateau_stops_after_its_drops():
    assert _plateau([1] * 8, patience=1, drops=3)[0] == [0, -1, -2, -3, -3, -3, -3, -3]


def test_plateau_does_not_wait_within_the_warm_up():
    assert _plateau([1] * 6, patience=2, warmup=3)[0] == [0, 0, 0, 0, -1, -1]


def test_plateau_does_not_wait_before_the_schedule():
    spec = OptimizerSpec(schedule={"name": "plateau", "patience": 2})
    schedule = Schedule(spec, steps=60, steps_per_epoch=10, head_steps=30)
    callback = Plateau(schedule)
    scales = []
    for epoch in range(6):
        schedule.first = 30 if epoch < 3 else 0  # as `HeadFirst` has it
        callback.on_epoch_end(epoch, {"val_loss": 1.0})
        scales.append(round(math.log10(float(schedule.scale))))
    assert scales == [0, 0, 0, 0, -1, -1]


def test_plateau_goes_on_from_its_state():
    losses = [3, 2, 2, 2, 2, 2, 2]
    whole, _ = _plateau(losses, patience=2, drops=2)
    _, first = _plateau(losses[:3], patience=2, drops=2)
    schedule = _schedule(name="plateau", patience=2, drops=2)
    second = Plateau(schedule)
    second.set_state(first.get_state())
    scales = []
    for epoch, loss in enumerate(losses[3:], start=3):
        second.on_epoch_end(epoch, {"val_loss": loss})
        scales.append(round(math.log10(float(schedule.scale))))
    assert scales == whole[3:]


def test_plateau_with_warm_up_in_training():
    seen = _Rates()
    _fit(  # a rate so low that no epoch betters the loss by enough
        {"learning_rate": 1e-9, "schedule": {"name": "plateau", "patience": 1, "warmup": 2}},
        callbacks=[seen],
    )
    expected = _warm(12, 0, 0.1 ** np.maximum(T // STEPS - 2, 0))
    np.testing.assert_allclose(seen.rates, 1e-9 * expected, rtol=1e-5)
