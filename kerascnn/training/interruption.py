"""Ctrl-C and SIGTERM, answered between two steps."""

from __future__ import annotations

import signal
import threading
from types import FrameType, TracebackType
from typing import Any

from kerascnn.backend import keras
from kerascnn.training.position import Position


class Interruption(keras.callbacks.Callback):
    """Lets a signal end training where everything is known, not in the middle of a step.

    Within its context the first signal waits for the end of the step, or of the few steps of one
    call, or of the validation where the epoch's steps are done; a second one, or one before the
    first step has ended, acts at once.
    Only signals that Python handles are taken over: one that would end the process still does.

    Args:
        position: Called before this.

    Attributes:
        requested: Whether a signal is waiting.
    """

    def __init__(self, position: Position):
        super().__init__()
        self._position = position
        self.requested = False
        self._stepped = False
        self._before: dict[int, Any] = {}

    def __enter__(self) -> Interruption:
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGINT, signal.SIGTERM):
                handler = signal.getsignal(number)
                if callable(handler):
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
        self.requested = True

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        """Ends training after the step."""
        self._stepped = True
        if self._position.step < self._position.steps:
            self._end_if_requested()

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Ends training after the epoch's last callback."""
        self._end_if_requested()

    def _end_if_requested(self) -> None:
        if self.requested:
            raise KeyboardInterrupt
