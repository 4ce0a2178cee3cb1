"""When a run ends: after so many epochs, steps or seconds, and how long that still takes."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from typing import Any

from kerascnn.backend import keras
from kerascnn.training.position import Position
from kerascnn.training.spec import TrainSpec

_MEMORY = 30.0  # seconds over which the time of a step is averaged
_FEW = 5  # batches of a validation
_SETTLED = 0.3  # seconds of steps before their time is believed

# Of a run that only the clock ends: what its schedule is planned for before it is fitted.
_PLANNED_EPOCHS = 20


def planned_steps(spec: TrainSpec, steps_per_epoch: int) -> int:
    """Returns the steps of a run that no clock ends: its epochs or steps, whichever are fewer."""
    epochs = spec.epochs or (_PLANNED_EPOCHS if spec.steps is None else None)
    ends = [spec.steps, epochs and epochs * steps_per_epoch]
    return min(end for end in ends if end is not None)


class Budget(keras.callbacks.Callback):
    """Ends the run at its last epoch, step or second, whichever comes first.

    Under a time limit the number of steps is estimated from what a step and the pause after an
    epoch (validation, callbacks) take, and again whenever that changes by more than a percent.

    Args:
        spec: Its `epochs`, `steps` and `time_limit` are read.
        position: Called before this.
        validation_steps: Batches of a validation, which is taken to cost as much as training on
            them until it has been measured.
        started: When the clock began, by `time.perf_counter`; now if None.
        final_scores: What scoring every split after the run takes, in validations.
        refit: Called with the number of steps of the whole run where it has changed.
    """

    def __init__(
        self,
        spec: TrainSpec,
        position: Position,
        *,
        validation_steps: int = 0,
        started: float | None = None,
        final_scores: float = 0.0,
        refit: Callable[[int], None] = lambda total_steps: None,
    ):
        super().__init__()
        self._position = position
        self._validation_steps = validation_steps
        self._limit = spec.time_limit
        self._started = time.perf_counter() if started is None else started
        self._final_scores = final_scores
        self._refit = refit
        self._open = spec.steps is None and spec.epochs is None  # only the clock ends it
        self._planned = self.total_steps = planned_steps(spec, position.steps)
        self._step_seconds = self._step_time = 0.0
        self._last: tuple[float, int] | None = None  # when a step ended, and which
        self._ended = False
        self._paused_at: float | None = None
        self._pause: float | None = None  # what comes between two epochs takes
        self._validation: float | None = None

    def get_state(self) -> dict[str, Any]:
        """Returns the time spent and the length of the run as last fitted."""
        seconds = time.perf_counter() - self._started
        return {"seconds": seconds, "total_steps": self.total_steps}

    def set_state(self, state: dict[str, Any]) -> None:
        """Goes on with the clock where it stood."""
        self._started = time.perf_counter() - state["seconds"]
        self.total_steps = state["total_steps"]

    @property
    def exact(self) -> bool:
        """Whether the number of steps was known from the start."""
        return self._limit is None

    @property
    def steps(self) -> int:
        """Steps of the run that are done."""
        return self._position.epoch * self._position.steps + self._position.step

    @property
    def epochs(self) -> int:
        """How many epochs the run has, the last one perhaps a short one."""
        return math.ceil(self.total_steps / self._position.steps)

    @property
    def steps_per_second(self) -> float | None:
        """The present speed; None until that is known."""
        return 1 / self._step_seconds if self._step_time >= _SETTLED else None

    @property
    def seconds_left(self) -> float | None:
        """What training and validation still take at the present speed; None until known."""
        if self._step_time < _SETTLED:
            return None
        left = max(self.total_steps - self.steps, 0)
        epochs_left = self.epochs - self.steps // self._position.steps
        return left * self._step_seconds + epochs_left * self._costs()[0]

    def forget_speed(self) -> None:
        """Measures a step anew, from the one after the next: that one compiles."""
        self._step_seconds = self._step_time = 0.0
        self._last = self._paused_at = None

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Measures the pause since the last epoch."""
        self._last = None  # what comes before the first step is no part of a step
        if self._paused_at is not None:
            self._pause = time.perf_counter() - self._paused_at

    def on_train_batch_begin(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        """Starts the clock of an epoch's first steps, but for the run's first, which compile."""
        if self._last is None and self._paused_at is not None:
            self._last = (time.perf_counter(), self.steps)

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        """Measures the steps since the last call, and ends the run after the last one."""
        now = time.perf_counter()
        if self._last is not None:
            then, steps = self._last
            passed = now - then
            self._step_time += passed
            share = min(passed / min(self._step_time, _MEMORY), 1.0)  # a plain mean at first
            self._step_seconds += share * (passed / (self.steps - steps) - self._step_seconds)
        self._last, self._paused_at = (now, self.steps), now
        if self._limit is not None and self._step_time >= _SETTLED:
            self._fit_to_time(now)
        if self.steps >= self.total_steps or self._out_of_time(now):
            self._ended = self.model.stop_training = True

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Says so again: `Position` takes the end of an epoch back, which the run's may be too."""
        if self._ended:
            self.model.stop_training = True

    def on_test_begin(self, logs: dict[str, Any] | None = None) -> None:
        """Starts the clock of the validation."""
        self._test_began = time.perf_counter()

    def on_test_end(self, logs: dict[str, Any] | None = None) -> None:
        """Stops it."""
        self._validation = time.perf_counter() - self._test_began

    def _costs(self) -> tuple[float, float]:
        """Seconds of the pause after an epoch, and of all that comes after the last step."""
        guess = self._validation_steps * self._step_seconds
        validation = guess if self._validation is None else self._validation
        pause = validation if self._pause is None else self._pause
        # The first validation is compiled too, the others cost less than training as long. One of a
        # few batches tells little: it is all overhead, and a pass forward takes a third of a step.
        few = self._validation_steps < _FEW
        score = guess / 2 if few else min(guess, validation)
        return pause, max(pause, validation) + self._final_scores * score

    def _out_of_time(self, now: float) -> bool:
        if self._limit is None:
            return False
        end = self._costs()[1] if self._step_time >= _SETTLED else 0.0
        return now - self._started + end >= self._limit

    def _fit_to_time(self, now: float) -> None:
        assert self._limit is not None
        pause, end = self._costs()
        left = max(self._limit - (now - self._started) - end, 0.0)
        more = int(left / (self._step_seconds + pause / self._position.steps))
        total = self.steps + more if self._open else min(self.steps + more, self._planned)
        if abs(total - self.total_steps) > 0.01 * (self.total_steps - self.steps):
            self.total_steps = total
            self._refit(total)
