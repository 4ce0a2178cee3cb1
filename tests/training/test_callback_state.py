"""The state of callbacks: Keras's own, and those that tell it themselves."""

from __future__ import annotations

from typing import Any

import pytest

from kerascnn.backend import keras
from kerascnn.training.callback_state import Stateful, restore_states, states
from kerascnn.training.position import Position


class Counter(keras.callbacks.Callback):
    """Has a state of its own."""

    def __init__(self, count: int = 0):
        super().__init__()
        self.count = count

    def get_state(self) -> dict[str, Any]:
        return {"count": self.count}

    def set_state(self, state: dict[str, Any]) -> None:
        self.count = state["count"]


def test_state_of_keras_callbacks_and_of_ours() -> None:
    stopping = keras.callbacks.EarlyStopping(patience=5)
    stopping.on_train_begin()
    stopping.wait, stopping.best = 3, 0.25
    fresh = keras.callbacks.EarlyStopping(patience=5)
    restore_states([Position(0, 0, 5), fresh], states([Position(0, 0, 5), stopping]))
    assert (fresh.wait, fresh.best) == (3, 0.25)
    with pytest.raises(ValueError, match="zip"):
        restore_states([fresh], [])


def test_who_tells_and_takes_its_state_is_stateful() -> None:
    assert isinstance(Counter(), Stateful)
    assert not isinstance(Position(0, 0, 5), Stateful)
    assert not isinstance(keras.callbacks.History(), Stateful)


def test_a_callback_of_ones_own_goes_on_where_it_was() -> None:
    assert states([Counter(7), Position(0, 0, 5)]) == [{"count": 7}, {}]
    fresh = [Counter(), Counter()]
    restore_states(fresh, states([Counter(7), Counter(8)]))
    assert [counter.count for counter in fresh] == [7, 8]


def test_a_history_goes_on() -> None:
    before, after = keras.callbacks.History(), keras.callbacks.History()
    before.on_train_begin()
    before.set_model(keras.Sequential())
    for epoch, loss in enumerate((3.0, 2.0)):
        before.on_epoch_end(epoch, {"loss": loss})
    after.on_train_begin()
    after.set_model(keras.Sequential())
    restore_states([after], states([before]))
    after.on_epoch_end(2, {"loss": 1.0})
    assert after.history == {"loss": [3.0, 2.0, 1.0]}
    assert after.epoch == [0, 1, 2]


def test_early_stopping_stops_when_it_would_have() -> None:
    def stopping() -> keras.callbacks.EarlyStopping:
        callback = keras.callbacks.EarlyStopping(monitor="val_loss", patience=2)
        callback.set_model(keras.Sequential())
        callback.model.stop_training = False
        callback.on_train_begin()
        return callback

    losses = [1.0, 0.5, 0.6, 0.7, 0.8]
    whole, ended = stopping(), []
    for epoch, loss in enumerate(losses):
        whole.on_epoch_end(epoch, {"val_loss": loss})
        ended.append(whole.model.stop_training)
    for cut in range(1, len(losses)):
        first, rest = stopping(), stopping()
        for epoch in range(cut):
            first.on_epoch_end(epoch, {"val_loss": losses[epoch]})
        restore_states([rest], states([first]))
        for epoch in range(cut, len(losses)):
            rest.on_epoch_end(epoch, {"val_loss": losses[epoch]})
            assert rest.model.stop_training == ended[epoch], (cut, epoch)
