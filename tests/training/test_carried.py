"""An optimizer's state, taken into another run's optimizer."""

from __future__ import annotations

import numpy as np
import pytest

from kerascnn.backend import keras
from kerascnn.training.carried import carry_on
from kerascnn.training.optimizer_spec import OptimizerSpec
from kerascnn.training.optimizers import build_optimizer
from kerascnn.training.schedules import Schedule


def _model(optimizer: str, **fields: object) -> tuple[keras.Model, Schedule]:
    inputs = keras.Input((3,))
    model = keras.Model(inputs, keras.layers.Dense(2, name="dense")(inputs))
    spec = OptimizerSpec(name=optimizer, learning_rate=0.1, **fields)
    schedule = Schedule(spec, steps=10, steps_per_epoch=5)
    model.compile(optimizer=build_optimizer(spec, model, schedule), loss="mse")
    return model, schedule


def _step(model: keras.Model, number: int) -> None:
    random = np.random.default_rng(number)
    gradients = [random.normal(size=weight.shape) for weight in model.trainable_variables]
    model.optimizer.apply(
        [keras.ops.cast(gradient, "float32") for gradient in gradients], model.trainable_variables
    )


def _state(model: keras.Model) -> list[np.ndarray]:
    return [keras.ops.convert_to_numpy(variable) for variable in model.optimizer.variables]


@pytest.mark.parametrize(
    ("optimizer", "fields"),
    [("adam", {}), ("adamw", {"ema": 0.9}), ("sgd", {"momentum": 0.9}), ("lion", {})],
)
def test_it_goes_on_as_if_it_had_never_ended(optimizer: str, fields: dict[str, object]) -> None:
    whole, _ = _model(optimizer, **fields)
    first, _ = _model(optimizer, **fields)
    first.set_weights(whole.get_weights())
    for number in range(6):
        _step(whole, number)
    for number in range(4):
        _step(first, number)
    second, schedule = _model(optimizer, **fields)
    second.set_weights(first.get_weights())
    assert carry_on(second, schedule, _state(first))
    for number in (4, 5):
        _step(second, number)
    for got, wanted in zip(second.get_weights(), whole.get_weights(), strict=True):
        np.testing.assert_allclose(got, wanted, rtol=1e-6)
    for got, wanted in zip(_state(second), _state(whole), strict=True):
        np.testing.assert_allclose(got, wanted, rtol=1e-6)


def test_the_schedule_is_the_new_runs() -> None:
    first, _ = _model("adam")
    for number in range(7):
        _step(first, number)
    second, schedule = _model("adam", schedule="cosine")
    assert carry_on(second, schedule, _state(first))
    rates = []
    for number in range(10):
        _step(second, number)
        rates.append(second.optimizer.figures()["learning_rate"])
    wanted = 0.1 * (1 + np.cos(np.pi * np.arange(10) / 10)) / 2
    np.testing.assert_allclose(rates, wanted, atol=1e-6)


def test_what_does_not_fit_changes_nothing() -> None:
    first, _ = _model("sgd", momentum=0.9)
    _step(first, 0)
    second, schedule = _model("adam")
    assert not carry_on(second, schedule, _state(first))
    assert int(second.optimizer.iterations) == schedule.first == 0
