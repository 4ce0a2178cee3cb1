"""The weights of the best epoch."""

from __future__ import annotations

from typing import Any

import numpy as np

from kerascnn.backend import keras
from kerascnn.training.optimizers import scored_weights


class Best:
    """The validation figures of the best epoch so far.

    Args:
        monitor: "loss", or a figure that is to be high, such as "accuracy": the loss then decides
            among epochs of the same figure.
    """

    def __init__(self, monitor: str = "loss"):
        self._figure = None if monitor == "loss" else f"val_{monitor}"
        self.loss, self.figure = np.inf, -np.inf

    def beaten_by(self, logs: dict[str, Any]) -> bool:
        """Whether an epoch's logs are better."""
        if self._figure is not None and logs[self._figure] != self.figure:
            return bool(logs[self._figure] > self.figure)
        return bool(logs["val_loss"] < self.loss)

    def take(self, logs: dict[str, Any]) -> None:
        """Makes an epoch's logs the best ones."""
        self.loss = float(logs["val_loss"])
        if self._figure is not None:
            self.figure = float(logs[self._figure])

    def get_state(self) -> dict[str, float]:
        """Returns the figures."""
        return {"best": self.loss, "figure": self.figure}

    def set_state(self, state: dict[str, Any]) -> None:
        """Takes them back."""
        self.loss, self.figure = state["best"], state.get("figure", -np.inf)


class BestWeights(keras.callbacks.Callback):
    """Keeps a copy of the weights of the best epoch: that with the lowest validation loss.

    With averaged weights (EMA) those are the averages, as it is them that validation scores.

    `EarlyStopping(restore_best_weights=True)` gives them back only where it stops the run itself,
    or where it ends by itself, not after Ctrl-C.

    Args:
        last: Keep the weights of the last epoch instead.
        monitor: What is best, as `Best` has it.
    """

    def __init__(self, *, last: bool = False, monitor: str = "loss") -> None:
        super().__init__()
        self._last = last
        self.best = Best(monitor)
        self.epoch: int | None = None
        self._weights: list[np.ndarray] = []

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Copies the weights where the epoch is the best so far."""
        assert logs is not None
        if self._last or self.best.beaten_by(logs):
            self.best.take(logs)
            self.epoch = epoch
            self._weights = scored_weights(self.model)

    def get_state(self) -> dict[str, Any]:
        """Returns the best weights and where they are from."""
        return {**self.best.get_state(), "epoch": self.epoch, "weights": self._weights}

    def set_state(self, state: dict[str, Any]) -> None:
        """Takes them back."""
        self.best.set_state(state)
        self.epoch, self._weights = state["epoch"], state["weights"]

    def restore(self) -> str | None:
        """Puts the best weights back into the model, and names their epoch, if any has ended."""
        if self.epoch is None:
            return None
        self.model.set_weights(self._weights)
        return f"epoch {self.epoch + 1}"
