"""The weights of the best epoch."""

from __future__ import annotations

from typing import Any

import numpy as np

from kerascnn.backend import keras
from kerascnn.training.optimizers import scored_weights


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
