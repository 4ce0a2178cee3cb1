"""The callbacks of a run, called without making them wait for the processor."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from kerascnn.backend import keras


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
