"""Where in the run training is, through Keras's own loop."""

from __future__ import annotations

import numpy as np
import pytest

from kerascnn.backend import keras, tf
from kerascnn.training.position import Position


class _Log(keras.callbacks.Callback):
    """Notes where the position is after each step, and each validation."""

    def __init__(self, position: Position):
        super().__init__()
        self.position = position
        self.seen: list[tuple[int, int] | str] = []

    def on_train_batch_end(self, batch, logs=None):
        self.seen.append((self.position.epoch, self.position.step))

    def on_test_begin(self, logs=None):
        self.seen.append("validation")


def _train(position: Position, epochs: int) -> list:
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
    model.compile("sgd", "mse")
    batches = tf.data.Dataset.from_tensors((np.ones((2, 1)), np.ones((2, 1)))).repeat()
    log = _Log(position)
    model.fit(
        batches, initial_epoch=position.epoch, epochs=epochs, steps_per_epoch=position.steps,
        validation_data=batches.take(1), shuffle=False, verbose=0, callbacks=[position, log],
    )  # fmt: skip
    return log.seen


def _epoch(number: int, first: int, last: int) -> list:
    return [*((number, step) for step in range(first, last + 1)), "validation"]


def test_steps_are_counted_from_one_in_each_epoch() -> None:
    assert _train(Position(0, 0, 3), 2) == _epoch(0, 1, 3) + _epoch(1, 1, 3)


@pytest.mark.parametrize("step", [1, 3])
def test_the_rest_of_an_epoch_is_as_short_as_it_is_and_others_follow(step: int) -> None:
    found = _train(Position(1, step, 4), 4)
    assert found == _epoch(1, step + 1, 4) + _epoch(2, 1, 4) + _epoch(3, 1, 4)


def test_several_steps_of_a_call_are_counted() -> None:
    position = Position(0, 0, 40)
    position.set_model(keras.Sequential())
    position.on_epoch_begin(0)
    for taken in (16, 16, 8):
        position.taken = taken
        position.on_train_batch_end(0)
    assert position.step == 40
    position.on_epoch_begin(1)
    assert (position.epoch, position.step) == (1, 0)


def test_a_stop_of_somebody_else_is_left_alone() -> None:
    position = Position(0, 2, 4)
    model = keras.Sequential()
    position.set_model(model)
    position.on_epoch_begin(0)
    model.stop_training = True  # the budget's, say
    for _ in range(2):
        position.on_train_batch_end(0)
    position.on_test_begin()
    assert model.stop_training
