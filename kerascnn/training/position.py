"""Where in the run training is."""

from __future__ import annotations

from typing import Any

from kerascnn.backend import keras


class Position(keras.callbacks.Callback):
    """Knows the step, also in an epoch that began before the run was resumed.

    The rest of such an epoch is shorter than what Keras was told. It is ended by the one way that
    Keras has to leave an epoch, `stop_training`, which is taken back when validation begins, so
    that one `fit` goes on with the epochs that follow.

    Args:
        epoch: Zero-based, to begin with.
        step: Steps of that epoch that were done before.
        steps: The steps of a whole epoch.

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
