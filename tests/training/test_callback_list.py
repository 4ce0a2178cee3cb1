"""Callbacks that are called without waiting for the processor."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from kerascnn.backend import keras, tf
from kerascnn.training.callback_list import Callbacks, watches_steps


class _BeforeSteps(keras.callbacks.Callback):
    def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
        pass


class _AfterSteps(keras.callbacks.Callback):
    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        pass


class _OldNames(keras.callbacks.Callback):
    def on_batch_end(self, batch: int, logs: Any = None) -> None:
        pass


class _Inherits(_AfterSteps):
    pass


class _Epochs(keras.callbacks.Callback):
    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        pass

    def on_test_batch_end(self, batch: int, logs: Any = None) -> None:
        pass


@pytest.mark.parametrize(
    ("make", "watches"),
    [
        (keras.callbacks.Callback, False),
        (_Epochs, False),
        (_BeforeSteps, True),
        (_AfterSteps, True),
        (_OldNames, True),
        (_Inherits, True),
        (lambda: keras.callbacks.EarlyStopping(), False),
        (lambda: keras.callbacks.LambdaCallback(on_epoch_end=print), False),
        (lambda: keras.callbacks.LambdaCallback(on_train_batch_end=print), True),
        (lambda: keras.callbacks.LambdaCallback(on_train_batch_begin=print), True),
    ],
)
def test_who_looks_at_steps(make, watches: bool) -> None:
    assert watches_steps(make()) == watches


def test_steps_come_with_tensors_and_epochs_with_numbers() -> None:
    seen: dict[str, list[Any]] = {"step": [], "epoch": []}
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
    model.compile("sgd", "mse")
    watching = keras.callbacks.LambdaCallback(
        on_train_batch_end=lambda batch, logs: seen["step"].append((batch, logs["loss"])),
        on_epoch_end=lambda epoch, logs: seen["epoch"].append((epoch, logs["loss"])),
    )
    callbacks = Callbacks([watching, _Epochs(), keras.callbacks.History()], model=model, verbose=0)
    model.fit(np.ones((6, 1)), np.ones((6, 1)), batch_size=2, verbose=0, callbacks=callbacks)
    assert [batch for batch, _ in seen["step"]] == [0, 1, 2]
    assert all(tf.is_tensor(loss) for _, loss in seen["step"])
    assert [(epoch, type(loss)) for epoch, loss in seen["epoch"]] == [(0, float)]
    assert float(seen["step"][-1][1]) == pytest.approx(seen["epoch"][0][1])
