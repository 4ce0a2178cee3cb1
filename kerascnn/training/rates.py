"""How fast training goes, and how long it waits for data."""

from __future__ import annotations

import statistics
import time
from collections.abc import Mapping, Sequence
from typing import Any

from kerascnn.backend import graph_native, keras, tf
from kerascnn.training.optimizers import recipe_optimizer
from kerascnn.training.position import Position


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

        @graph_native
        def stop(asked: tf.Tensor, batch: Any) -> Any:
            with tf.control_dependencies(tf.nest.flatten(batch)):
                self._seconds.assign_add(tf.timestamp() - asked)
            return batch

        # zip asks its first input, the clock, right before its second.
        asked = tf.data.Dataset.counter().map(graph_native(lambda _: tf.timestamp()))
        options = tf.data.Options()
        # tf.data would prefetch from a thread of its own, and the clock would time that thread.
        options.experimental_optimization.inject_prefetch = False
        return tf.data.Dataset.zip(asked, batches).map(stop).with_options(options)

    def seconds(self) -> float:
        """Returns the seconds waited so far; 0 where nothing is measured."""
        return float(self._seconds.numpy())


class Rates(keras.callbacks.Callback):
    """Adds seconds, images/s, learning rate and the share of waiting to each epoch's logs."""

    def __init__(self, images: int, wait: DataWait, position: Position):
        super().__init__()
        self._images = images
        self._position = position
        self._wait = wait
        self.fit_seconds = 0.0
        self.waited_seconds = 0.0
        self._start: float | None = None
        self._before = (0.0, 0.0)  # of this epoch, before the run was resumed

    def _so_far(self) -> tuple[float, float]:
        """Seconds of this epoch, and those of them that were waiting."""
        if self._start is None:
            return 0.0, 0.0
        seconds = (self._end or time.perf_counter()) - self._start
        waited = self._wait.seconds() - self._waited
        return self._before[0] + seconds, self._before[1] + waited

    def get_state(self) -> dict[str, Any]:
        """Returns the times so far."""
        return {
            "fit_seconds": self.fit_seconds,
            "waited_seconds": self.waited_seconds,
            "epoch": self._so_far(),
        }

    def set_state(self, state: dict[str, Any]) -> None:
        """Adds to them from now on."""
        self.fit_seconds, self.waited_seconds = state["fit_seconds"], state["waited_seconds"]
        self._before = tuple(state["epoch"])

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
        seconds, waited = self._so_far()
        self._start, self._before = None, (0.0, 0.0)
        self.fit_seconds += seconds
        self.waited_seconds += waited
        logs |= recipe_optimizer(self.model).figures()
        logs["epoch_seconds"] = seconds
        share = self._position.step / self._position.steps  # the run may end within an epoch
        logs["images_per_second"] = self._images * share / seconds
        if self._wait.enabled:
            logs["data_wait_share"] = min(waited / seconds, 1.0)


def training_rate(history: Mapping[str, Sequence[float]]) -> dict[str, float]:
    """Returns images per second of the steps alone, without waiting, as "training"; or nothing.

    It is the median of the epochs but the first, whose first step is compiled, if there are more.

    Args:
        history: Every logged value by name, one per epoch.
    """
    speeds, waits = (history.get(name, ()) for name in ("images_per_second", "data_wait_share"))
    found = [speed / (1 - wait) for speed, wait in zip(speeds, waits, strict=True) if wait < 1]
    return {"training": statistics.median(found[1:] or found)} if found else {}
