"""A loss that is no number ends the run, with the step where it began."""

from __future__ import annotations

import math
import time
from typing import Any

from kerascnn.backend import keras
from kerascnn.errors import TrainingError
from kerascnn.training.position import Position

_SECONDS = 1.0  # between two looks, each of which waits for the step to end


class FiniteLoss(keras.callbacks.Callback):
    """Stops at the first loss that is NaN or infinite.

    The loss that Keras logs is the mean over the epoch so far, so one bad step spoils all that
    follow: it is enough to look at the newest once a second. The losses between two looks are kept
    unread, and tell which step was the first.

    Args:
        position: Called before this.
        learning_rate: For the message.

    Raises:
        TrainingError: From the callbacks, naming epoch, step and likely cause.
    """

    def __init__(self, position: Position, learning_rate: float):
        super().__init__()
        self._position, self._learning_rate = position, learning_rate
        self._unread: list[tuple[int, Any, Any]] = []  # (steps before, steps done, mean loss)
        self._looked = time.monotonic()
        self._finite = position.epoch > 0 or position.step > 0  # whether any step ever was

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        """Keeps the loss, and looks once a second."""
        assert logs is not None
        position = self._position
        self._unread.append((position.step - position.taken, position.done, logs["loss"]))
        if time.monotonic() - self._looked > _SECONDS:
            self.look()

    def on_test_begin(self, logs: dict[str, Any] | None = None) -> None:
        """Looks: a spoiled epoch needs no validation."""
        self.look()

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Looks at the validation loss, which shows what the last step did to the weights."""
        assert logs is not None
        if not math.isfinite(logs["val_loss"]):
            raise TrainingError(
                f"the validation loss is {logs['val_loss']} after epoch {epoch + 1}: "
                f"{self._cause()}"
            )

    def look(self) -> None:
        """Raises if a loss since the last look was not finite."""
        unread, self._unread = self._unread, []
        self._looked = time.monotonic()
        if not unread:
            return
        if math.isfinite(float(unread[-1][2])):
            self._finite = True
            return
        for before, done, mean in unread:
            loss, step = float(mean), before + int(done)
            self._finite = self._finite or int(done) > 1 or math.isfinite(loss)
            if not math.isfinite(loss):
                raise TrainingError(
                    f"the loss is {loss} at epoch {self._position.epoch + 1}, step {step} "
                    f"of {self._position.steps}: {self._cause()}"
                )

    def _cause(self) -> str:
        half = any(layer.compute_dtype == "float16" for layer in self.model.layers)
        if half:
            return "likely an overflow in float16; give training.precision=float32"
        if not self._finite:
            return "likely a bad input or start, as it was the run's first step; check the data"
        return f"likely the learning rate, {self._learning_rate:g}, is too high"
