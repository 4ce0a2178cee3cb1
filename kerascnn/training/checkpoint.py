"""Writes a run's state while it trains, and puts it back."""

from __future__ import annotations

import time
import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from kerascnn.backend import keras
from kerascnn.training.callback_state import restore_states, states
from kerascnn.training.checkpoint_file import Checkpoint
from kerascnn.training.finite import FiniteLoss
from kerascnn.training.interruption import Interruption
from kerascnn.training.position import Position

LARGEST_SHARE = 0.01  # of the time, spent on writing checkpoints


def _arrays(variables: Sequence[keras.Variable]) -> list[np.ndarray]:
    return [keras.ops.convert_to_numpy(variable) for variable in variables]


def _assign(variables: Sequence[keras.Variable], arrays: Sequence[np.ndarray]) -> None:
    for variable, array in zip(variables, arrays, strict=True):
        variable.assign(array)


class Checkpoints(keras.callbacks.Callback):
    """Writes a checkpoint at the ends of epochs, every few minutes, and when interrupted.

    It holds everything that the rest of the run depends on: all variables of the model (with the
    statistics of normalisation and the states of dropout's seeds), of the optimizer (with its
    averages and accumulated gradients) and of the metrics, every callback's state, and the
    position. The order of the data follows from the position and the recipe's seed.

    Args:
        checkpoint: Where to; None writes nothing.
        callbacks: All that come before this one.
        about: What identifies the run: its recipe and its data.
        position: One of them.
        finite: One of them.
        interruption: Comes after this one.
        minutes: Between two checkpoints within an epoch.
        resumed: A state to continue from.
    """

    def __init__(
        self,
        checkpoint: Checkpoint | None,
        callbacks: Sequence[keras.callbacks.Callback],
        *,
        about: Mapping[str, Any],
        position: Position,
        finite: FiniteLoss,
        interruption: Interruption,
        minutes: float,
        resumed: Mapping[str, Any] | None,
    ):
        super().__init__()
        self._checkpoint, self._about = checkpoint, about
        self._callbacks, self._position = callbacks, position
        self._finite, self._interruption = finite, interruption
        self._minutes, self._resumed = minutes, resumed
        self._start = self._written = time.monotonic()
        self._before = resumed["seconds"] if resumed else 0.0
        self._cost = 0.0  # seconds, of the newest
        self._warned = False

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        """Puts a state back: every callback has begun, and forgotten its own."""
        if self._resumed is not None:
            _assign(self.model.variables, self._resumed["model"])
            _assign(self.model.optimizer.variables, self._resumed["optimizer"])
            restore_states(self._callbacks, self._resumed["callbacks"])

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Puts the means of an epoch that goes on back: Keras has just set them to zero."""
        if self._resumed is not None and self._resumed["step"]:
            _assign(self.model.metrics_variables, self._resumed["metrics"])
        self._resumed = None

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        """Writes within an epoch, where one is due."""
        if self._position.step == self._position.steps or self.model.stop_training:
            return  # the epoch's end writes, with the validation
        since = time.monotonic() - self._written
        if self._interruption.requested or (since > 60 * self._minutes and self._worthwhile()):
            self._finite.look()
            weights = _arrays(self.model.variables)
            # The step whose loss was the last good one may have spoiled the weights.
            if all(np.isfinite(array).all() for array in weights):
                metrics = _arrays(self.model.metrics_variables)
                self._write(self._position.epoch, self._position.step, weights, metrics)

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Writes between two epochs."""
        if self._interruption.requested or self._worthwhile():
            self._write(epoch + 1, 0, _arrays(self.model.variables), [])

    def seconds(self) -> float:
        """Returns how long the run has trained, before and after it was resumed."""
        return self._before + time.monotonic() - self._start

    def restore_weights(self) -> str | None:
        """Puts the newest checkpoint's weights into the model, and names their place, if any."""
        if self._checkpoint is None or not self._checkpoint.path.exists():
            return None
        state = self._checkpoint.read()
        _assign(self.model.variables, state["model"])
        return f"epoch {state['epoch'] + 1}, step {state['step']}"

    def _worthwhile(self) -> bool:
        return (time.monotonic() - self._written) * LARGEST_SHARE >= self._cost

    def _write(
        self, epoch: int, step: int, weights: list[np.ndarray], metrics: list[np.ndarray]
    ) -> None:
        if self._checkpoint is None:
            return
        start = time.monotonic()
        try:
            self._checkpoint.write(
                {
                    **self._about,
                    "epoch": epoch,
                    "step": step,
                    "seconds": self.seconds(),
                    "stopped": self.model.stop_training,
                    "model": weights,
                    "optimizer": _arrays(self.model.optimizer.variables),
                    "metrics": metrics,
                    "callbacks": states(self._callbacks),
                }
            )
        except OSError as error:
            if not self._warned:
                kept = "the one before is kept" if self._checkpoint.path.exists() else "none yet"
                warnings.warn(
                    f"cannot write a checkpoint ({kept}), the run goes on: "
                    f"{error.strerror or error}",
                    stacklevel=2,
                )
            self._warned = True
        self._written = time.monotonic()
        self._cost = self._written - start
