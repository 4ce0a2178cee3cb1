"""What goes wrong in a run, on purpose."""

from __future__ import annotations

import numpy as np

from kerascnn.backend import keras


class Spoil(keras.callbacks.Callback):
    """Makes the weights too large, or NaN, before a step."""

    def __init__(self, epoch: int, step: int, value: float):
        super().__init__()
        self._epoch, self._step, self._value = epoch, step, value

    def on_epoch_begin(self, epoch, logs=None):
        self._now = epoch

    def on_train_batch_begin(self, batch, logs=None):
        if (self._now, batch + 1) == (self._epoch, self._step):
            weight = self.model.trainable_weights[-1]
            weight.assign(np.full(weight.shape, self._value))
