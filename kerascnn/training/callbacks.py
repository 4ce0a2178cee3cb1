"""What happens beside the steps: the best weights, rates, the time spent waiting for data.

A callback whose later doings depend on what it saw before is `Stateful`: its state is part of a
checkpoint, so that a resumed run continues exactly.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any, Protocol, runtime_checkable

import numpy as np

from kerascnn.backend import keras, tf
from kerascnn.training.optimizers import recipe_optimizer, scored_weights


@runtime_checkable
class Stateful(Protocol):
    """A callback with a state.

    The state nests mappings (by str) and lists of numbers, strings, None and NumPy arrays. It is
    asked for between two steps or after an epoch's last callback, and given back right after every
    callback's `on_train_begin`, when the model's and the optimizer's variables are restored.
    """

    def get_state(self) -> dict[str, Any]:
        """Returns what `set_state` needs."""
        ...

    def set_state(self, state: dict[str, Any]) -> None:
        """Continues where `get_state` was called."""
        ...


# Keras's own callbacks keep theirs in attributes, and forget it in on_train_begin.
_KERAS_STATE: dict[type, tuple[str, ...]] = {
    keras.callbacks.EarlyStopping: ("wait", "best", "best_epoch", "stopped_epoch"),
    keras.callbacks.SwapEMAWeights: ("_ema_weights_in_model",),
    keras.callbacks.History: ("history", "epoch"),
}


def _keras_state(callback: keras.callbacks.Callback) -> tuple[str, ...]:
    return next((names for kind, names in _KERAS_STATE.items() if isinstance(callback, kind)), ())


def states(callbacks: Sequence[keras.callbacks.Callback]) -> list[dict[str, Any]]:
    """Returns every callback's state, in order; empty where it has none."""
    return [
        callback.get_state()
        if isinstance(callback, Stateful)
        else {name: getattr(callback, name) for name in _keras_state(callback)}
        for callback in callbacks
    ]


def restore_states(
    callbacks: Sequence[keras.callbacks.Callback], saved: Sequence[dict[str, Any]]
) -> None:
    """Gives every callback back the state that `states` returned."""
    for callback, state in zip(callbacks, saved, strict=True):
        if isinstance(callback, Stateful):
            callback.set_state(state)
        else:
            for name in _keras_state(callback):
                setattr(callback, name, state[name])


def watches_steps(callback: keras.callbacks.Callback) -> bool:
    """Whether a callback does something before or after a step."""
    hooks = ("on_train_batch_begin", "on_train_batch_end", "on_batch_begin", "on_batch_end")
    return any(  # a `LambdaCallback` has its functions in the instance
        getattr(getattr(callback, hook), "__func__", None)
        is not getattr(keras.callbacks.Callback, hook)
        for hook in hooks
    )


class Callbacks(keras.callbacks.CallbackList):
    """Calls the callbacks without making them wait for the processor.

    Keras's own list turns the logs into Python numbers after every step, which waits for the step
    to end; this one passes the tensors on, to those that want to know about steps at all.
    """

    def __init__(self, callbacks: Sequence[keras.callbacks.Callback], **arguments: Any):
        super().__init__(list(callbacks), **arguments)
        self._stepping = [callback for callback in self.callbacks if watches_steps(callback)]

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        """Calls those that override it, with tensors in the logs."""
        for callback in self._stepping:
            callback.on_train_batch_end(batch, logs)


class Position(keras.callbacks.Callback):
    """Knows the step, also in an epoch that began before the run was resumed.

    The rest of such an epoch is shorter than what Keras was told. It is ended by the one way that
    Keras has to leave an epoch, `stop_training`, which is taken back when validation begins, so
    that one `fit` goes on with the epochs that follow.

    Args:
        epoch: Zero-based, to begin with.
        step: Steps of that epoch that were done before.
        steps: Of a whole epoch.

    Attributes:
        taken: Steps of the newest call of the train function.
        done: Those of them that were done, as a number or a tensor: fewer where a loss was not
            finite.
    """

    def __init__(self, epoch: int, step: int, steps: int):
        super().__init__()
        self.epoch, self.step, self.steps = epoch, step, steps
        self.taken: int = 1
        self.done: Any = 1
        self._resumed = step > 0
        self._ending = False

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Counts from the epoch's beginning, but for one that goes on."""
        if epoch != self.epoch:
            self.epoch, self.step, self._resumed = epoch, 0, False

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        """Counts the steps of the call."""
        self.step += self.taken
        if self._resumed and self.step >= self.steps and not self.model.stop_training:
            self.model.stop_training = self._ending = True

    def on_test_begin(self, logs: dict[str, Any] | None = None) -> None:
        """Lets the epochs that follow come."""
        if self._ending:
            self.model.stop_training = self._ending = False


class BestWeights(keras.callbacks.Callback):
    """Keeps a copy of the weights of the epoch with the lowest validation loss.

    With averaged weights (EMA) those are the averages, as it is them that validation scores.

    `EarlyStopping(restore_best_weights=True)` gives them back only where it stops the run itself,
    or where it ends by itself, not after Ctrl-C.

    Args:
        last: Keep the weights of the last epoch instead.
    """

    def __init__(self, *, last: bool = False) -> None:
        super().__init__()
        self._last = last
        self.best = np.inf
        self.epoch: int | None = None
        self._weights: list[np.ndarray] = []

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Copies the weights where the validation loss is the lowest so far."""
        loss = (logs or {})["val_loss"]
        if self._last or loss < self.best:
            self.best, self.epoch = float(loss), epoch
            self._weights = scored_weights(self.model)

    def get_state(self) -> dict[str, Any]:
        """Returns the best weights and where they are from."""
        return {"best": self.best, "epoch": self.epoch, "weights": self._weights}

    def set_state(self, state: dict[str, Any]) -> None:
        """Takes them back."""
        self.best, self.epoch, self._weights = state["best"], state["epoch"], state["weights"]

    def restore(self) -> str | None:
        """Puts the best weights back into the model, and names their epoch, if any has ended."""
        if self.epoch is None:
            return None
        self.model.set_weights(self._weights)
        return f"epoch {self.epoch + 1}"


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
