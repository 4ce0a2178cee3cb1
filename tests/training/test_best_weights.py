"""The weights of the best epoch, kept and given back."""

from __future__ import annotations

import numpy as np
import pytest

from kerascnn.backend import keras
from kerascnn.training.best_weights import BestWeights


def _model(**optimizer: object) -> keras.Model:
    inputs = keras.Input((1,))
    x = keras.layers.BatchNormalization(name="bn")(inputs)
    model = keras.Model(inputs, keras.layers.Dense(1, use_bias=False, name="fc")(x))
    model.compile(keras.optimizers.SGD(0.5, **optimizer), "mse")
    return model


def _set(model: keras.Model, value: float) -> None:
    model.set_weights([np.full(weight.shape, value) for weight in model.get_weights()])


def _run(best: BestWeights, losses: list[float]) -> keras.Model:
    """Epochs of such validation losses, in each of which every weight is the epoch's number."""
    model = _model()
    best.set_model(model)
    for epoch, loss in enumerate(losses):
        _set(model, epoch)
        best.on_epoch_end(epoch, {"val_loss": loss})
    return model


@pytest.mark.parametrize(
    ("losses", "epoch"),
    [([3.0], 0), ([3.0, 2.0, 1.0], 2), ([3.0, 1.0, 2.0], 1), ([1.0, 1.0], 0), ([2.0, 9.0, 1.9], 2)],
)
def test_those_of_the_lowest_validation_loss(losses: list[float], epoch: int) -> None:
    best = BestWeights()
    model = _run(best, losses)
    assert (best.epoch, best.best.loss) == (epoch, min(losses))
    assert best.restore() == f"epoch {epoch + 1}"
    assert {float(value) for weight in model.get_weights() for value in weight.flat} == {epoch}


@pytest.mark.parametrize(
    ("figures", "epoch"),
    [
        ([(0.5, 0.8), (0.1, 0.7)], 0),
        ([(0.5, 0.8), (0.9, 0.9)], 1),
        ([(0.5, 0.8), (0.4, 0.8), (0.6, 0.8)], 1),  # the loss decides among equals
    ],
)
def test_those_of_the_highest_accuracy(figures: list[tuple[float, float]], epoch: int) -> None:
    best, again, model = BestWeights(monitor="accuracy"), BestWeights(monitor="accuracy"), _model()
    best.set_model(model)
    for number, (loss, accuracy) in enumerate(figures):
        best.on_epoch_end(number, {"val_loss": loss, "val_accuracy": accuracy})
    assert best.epoch == epoch
    again.set_state(best.get_state())
    loss, accuracy = figures[epoch]
    assert not again.best.beaten_by({"val_loss": loss, "val_accuracy": accuracy})
    assert again.best.beaten_by({"val_loss": loss, "val_accuracy": accuracy + 0.01})


def test_the_last_ones_where_that_is_asked_for() -> None:
    best = BestWeights(last=True)
    model = _run(best, [1.0, 2.0, 3.0])
    assert best.restore() == "epoch 3"
    assert (model.get_weights()[0] == 2).all()


def test_before_any_epoch_has_ended_there_are_none() -> None:
    best = BestWeights()
    model = _run(best, [])
    before = model.get_weights()
    assert best.restore() is None
    for then, now in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(then, now)


def test_they_outlive_a_checkpoint() -> None:
    first, second = BestWeights(), BestWeights()
    _run(first, [3.0, 1.0, 2.0])
    second.set_state(first.get_state())
    model = _model()
    second.set_model(model)
    _set(model, 7)
    second.on_epoch_end(3, {"val_loss": 1.5})  # not better than before the checkpoint
    assert second.restore() == "epoch 2"
    assert (model.get_weights()[0] == 1).all()


def test_averages_are_kept_where_those_are_scored() -> None:
    model = _model(use_ema=True, ema_momentum=0.5, momentum=0.0)
    model.optimizer.build(model.trainable_variables)
    x, y = np.full((4, 1), 2.0), np.full((4, 1), 5.0)
    kernels = []
    for _ in range(3):
        model.train_on_batch(x, y)
        kernels.append(model.get_layer("fc").get_weights()[0].copy())
    best = BestWeights()
    best.set_model(model)
    best.on_epoch_end(0, {"val_loss": 1.0})
    average = np.array(model.optimizer._model_variables_moving_average[-1])
    statistics = model.get_layer("bn").get_weights()[2:]
    best.restore()
    np.testing.assert_allclose(model.get_layer("fc").get_weights()[0], average)
    assert not np.allclose(average, kernels[-1])
    for then, now in zip(statistics, model.get_layer("bn").get_weights()[2:], strict=True):
        np.testing.assert_array_equal(then, now, "these are no averages")
