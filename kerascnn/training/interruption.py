"""Ctrl-C, SIGTERM and SIGHUP, answered between two steps."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable
from types import FrameType, TracebackType
from typing import Any

from kerascnn.backend import keras
from kerascnn.training.position import Position

_PATIENCE = 2.0  # seconds, with a validation


class Interruption(keras.callbacks.Callback):
    """Lets a signal end training where everything is known, not in the middle of a step.

    Within its context the first signal waits for the end of the step, or of the few steps of one
    call, or for a moment of the validation where the epoch's steps are done; a second one, or one
    before the first step has ended, acts at once.
    Only signals that Python handles are taken over: one that would end the process still does.

    Args:
        position: Called before this.
        announce: Called when the first signal comes.

    Attributes:
        requested: Whether a signal is waiting.
    """

    def __init__(self, position: Position, announce: Callable[[], None] = lambda: None):
        super().__init__()
        self._position, self._announce = position, announce
        self.requested = False
        self._since = 0.0
        self._stepped = False
        self._before: dict[int, Any] = {}

    def __enter__(self) -> Interruption:
        if threading.current_thread() is threading.main_thread():
            for name in ("SIGINT", "SIGTERM", "SIGHUP"):
                number = getattr(signal, name, None)  # Windows has no SIGHUP
                handler = None if number is None else signal.getsignal(number)
                if number is not None and callable(handler):
                    self._before[number] = handler
                    signal.signal(number, self._receive)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _receive(self, number: int, frame: FrameType | None) -> None:
        if self.requested or not self._stepped:
            self._before[number](number, frame)
        self.requested, self._since = True, time.monotonic()
        self._announce()

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        """Ends training after the step."""
        self._stepped = True
        if self._position.step < self._position.steps:
            self._end_if_requested()

    def on_test_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        """Does not wait for a long validation: the run goes on from the checkpoint before it."""
        if self.requested and time.monotonic() - self._since > _PATIENCE:
            raise KeyboardInterrupt

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Ends training after the epoch's last callback."""
        self._end_if_requested()

    def _end_if_requested(self) -> None:
        if self.requested:
            raise KeyboardInterrupt
