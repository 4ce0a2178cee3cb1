"""What happens beside the steps: the best weights, rates, the time spent waiting for data."""

from __future__ import annotations

import time
from typing import Any

import numpy as np

from kerascnn.backend import keras, tf
from kerascnn.training.optimizers import recipe_optimizer, scored_weights


class BestWeights(keras.callbacks.Callback):
    """Keeps a copy of the weights of the epoch with the lowest validation loss.

    With averaged weights (EMA) those are the averages, as it is them that validation scores.

    `EarlyStopping(restore_best_weights=True)` gives them back only where it stops the run itself,
    or where it ends by itself, not after Ctrl-C.
    """

    def __init__(self) -> None:
        super().__init__()
        self.best = np.inf
        self.epoch: int | None = None
        self._weights: list[np.ndarray] = []

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Copies the weights where the validation loss is the lowest so far."""
        loss = (logs or {})["val_loss"]
        if loss < self.best:
            self.best, self.epoch = float(loss), epoch
            self._weights = scored_weights(self.model)

    def restore(self) -> None:
        """Puts the best weights back into the model, if any epoch has ended."""
        if self._weights:
            self.model.set_weights(self._weights)


class MainHead(keras.callbacks.Callback):
    """Names the main head's figures as those of a network without auxiliary heads.

    The loss of an epoch stays the weighted sum that is trained; the validation loss, which chooses
    the best epoch, becomes the main head's own.
    """

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Renames, for the callbacks after this one."""
        assert logs is not None
        for name in [name for name in logs if "logits_" in name]:
            value = logs.pop(name)
            if name != "logits_loss":
                logs[name.replace("logits_", "")] = value


class DataWait:
    """Measures how long training waits for its next batch.

    The clock is read by tf.data itself, before a batch is asked for and after it came, so that
    nothing is added to the step.

    Args:
        enabled: False measures nothing: TensorFlow reads no clock under op determinism.
    """

    def __init__(self, *, enabled: bool = True) -> None:
        self.enabled = enabled
        self._seconds = tf.Variable(0.0, dtype=tf.float64, trainable=False)

    def watch(self, batches: tf.data.Dataset) -> tf.data.Dataset:
        """Returns the same batches, with the clock around them."""
        if not self.enabled:
            return batches

        def stop(asked: tf.Tensor, batch: Any) -> Any:
            with tf.control_dependencies(tf.nest.flatten(batch)):
                self._seconds.assign_add(tf.timestamp() - asked)
            return batch

        # zip asks its first input, the clock, right before its second.
        asked = tf.data.Dataset.counter().map(lambda _: tf.timestamp())
        options = tf.data.Options()
        # tf.data would prefetch from a thread of its own, and the clock would time that thread.
        options.experimental_optimization.inject_prefetch = False
        return tf.data.Dataset.zip(asked, batches).map(stop).with_options(options)

    def seconds(self) -> float:
        """Returns the seconds waited so far; 0 where nothing is measured."""
        return float(self._seconds.numpy())


class Rates(keras.callbacks.Callback):
    """Adds seconds, images/s, learning rate and the share of waiting to each epoch's logs."""

    def __init__(self, images: int, wait: DataWait):
        super().__init__()
        self._images = images
        self._wait = wait
        self.fit_seconds = 0.0
        self.waited_seconds = 0.0

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Starts the clock."""
        self._start = time.perf_counter()
        self._waited = self._wait.seconds()
        self._end: float | None = None

    def on_test_begin(self, logs: dict[str, Any] | None = None) -> None:
        """Stops the clock: the steps of the epoch are done, validation begins."""
        self._end = time.perf_counter()

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Adds the epoch's figures to its logs, for the callbacks after this one."""
        assert logs is not None
        seconds = (self._end or time.perf_counter()) - self._start
        waited = self._wait.seconds() - self._waited
        self.fit_seconds += seconds
        self.waited_seconds += waited
        logs |= recipe_optimizer(self.model).figures()
        logs["epoch_seconds"] = seconds
        logs["images_per_second"] = self._images / seconds
        if self._wait.enabled:
            logs["data_wait_share"] = min(waited / seconds, 1.0)
