"""Several steps in one call do what the same steps do one by one."""

from __future__ import annotations

import numpy as np
import pytest

from kerascnn.arithmetic import analyze
from kerascnn.backend import keras
from kerascnn.models.build import build_model
from kerascnn.recipe import load_recipe
from kerascnn.training.determinism import seed_everything
from kerascnn.training.executions import steps_per_call
from kerascnn.training.fit import fit
from tests.assembled import prepare


def _fit(*settings: str, callbacks=()):
    recipe = load_recipe("digits-quick", settings)
    seed_everything(recipe.training)
    data, model = prepare(recipe)
    return fit(model, data, recipe, callbacks), model


@pytest.fixture
def counted() -> tuple[list[int], keras.callbacks.Callback]:
    """The numbers of the steps that a callback was told of, and that callback."""
    batches: list[int] = []
    return batches, keras.callbacks.LambdaCallback(
        on_train_batch_end=lambda batch, logs: batches.append(batch)
    )


def test_only_short_steps_are_worth_it() -> None:
    def steps(name: str, shape: tuple[int, int, int], batch_size: int) -> int:
        network = build_model(name, input_shape=shape, classes=10)
        return steps_per_call(analyze(network), batch_size)

    assert steps("lenet5", (28, 28, 1), 128) == 16
    assert steps("lenet5", (28, 28, 1), 1024) == 3
    assert steps("cifar-resnet20", (32, 32, 3), 128) == 1


@pytest.mark.ci
def test_the_same_weights_and_figures_as_step_by_step(counted) -> None:
    """Epochs of 43 steps in calls of 16, 16 and 11; the last of 14; with all that has a state."""
    batches, counter = counted
    settings = [
        "model={name: mlp, hidden: [32]}", "model.dropout=0.2", "training.epochs=null",
        "training.steps=100", "optimizer={name: sgd, momentum: 0.9, ema: 0.9, accumulation: 2}",
        "optimizer.schedule={name: one-cycle}", "augment={preset: mnist-affine}",
    ]  # fmt: skip
    together, model = _fit(*settings)
    single, other = _fit(*settings, callbacks=[counter])
    assert batches == [*range(43), *range(43), *range(14)], "who looks at steps sees every one"
    assert int(model.optimizer.iterations) == int(other.optimizer.iterations)
    for one, two in zip(model.get_weights(), other.get_weights(), strict=True):
        np.testing.assert_allclose(one, two, rtol=1e-5, atol=1e-6)
    for name in ("loss", "accuracy", "val_loss", "learning_rate"):
        assert together.history[name] == pytest.approx(single.history[name], rel=1e-5), name


def test_keras_takes_the_steps_again_afterwards() -> None:
    _, model = _fit("model={name: linear}", "training.epochs=1")
    before = model.get_weights()
    model.train_on_batch(np.zeros((4, 32, 32, 1), np.uint8), np.zeros(4))
    assert not np.array_equal(before[-1], model.get_weights()[-1])


def test_a_loss_that_is_not_finite_names_the_same_step(counted) -> None:
    settings = ["optimizer={name: sgd, learning_rate: 1e4}", "model={name: mlp}"]
    together, _ = _fit(*settings)
    single, _ = _fit(*settings, callbacks=[counted[1]])
    assert "step " in str(together.failure)
    assert str(together.failure) == str(single.failure)
