"""The learning-rate range test (Smith 2017, section 3.3): which rates a network learns at."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from kerascnn import notebook
from kerascnn.backend import keras
from kerascnn.data.failure import named_failures
from kerascnn.errors import UserError
from kerascnn.recipe import Recipe
from kerascnn.training.compilation import build_schedule, compile_model, training_stream
from kerascnn.training.optimizer_spec import ScheduleSpec
from kerascnn.training.schedules import Schedule
from kerascnn.training.session import Session
from kerascnn.visualization.range_test import draw_range_test
from kerascnn.visualization.writing import png_of

ops = keras.ops

_SMOOTHING = 0.9  # share of the past in the smoothed loss
_DIVERGED = 4.0  # times the lowest smoothed loss so far


@dataclass(frozen=True)
class RangeTest:
    """What a range test saw.

    Attributes:
        rates: Learning rate of each step.
        losses: Training loss of each step's batch, before its update.
        smoothed: The same, as an exponential average without the bias of its start.
        suggestion: Learning rate to start from.
        reason: How it was chosen, a sentence.
        diverged: Whether the loss rose out of bounds, which ended the test.
    """

    rates: np.ndarray
    losses: np.ndarray
    smoothed: np.ndarray
    suggestion: float
    reason: str
    diverged: bool

    def __repr__(self) -> str:
        """On one line."""
        return f"<RangeTest of {len(self.rates)} steps: {self.suggestion:.2g}, {self.reason}>"

    def _repr_html_(self) -> str:
        """The suggestion and the picture."""
        return notebook.heading(repr(self).strip("<>")) + notebook.picture(
            png_of(self.draw("range test"))
        )

    def draw(self, title: str) -> Figure:
        """Draws loss over learning rate, with the suggestion."""
        return draw_range_test(self.rates, self.losses, self.smoothed, self.suggestion, title)


class _Ramp(Schedule):
    """A learning rate that grows by the same factor at every step."""

    def __init__(self, recipe: Recipe, low: float, high: float, steps: int, steps_per_epoch: int):
        spec = recipe.optimizer.model_copy(
            update={"learning_rate": low, "schedule": ScheduleSpec(name="constant")}
        )
        super().__init__(spec, steps=steps, steps_per_epoch=steps_per_epoch)
        self._growth = math.log(high / low) / max(steps - 1, 1)

    def __call__(self, step: Any) -> Any:
        return self.rate * ops.exp(self._growth * ops.cast(step, "float32"))


class _Watch(keras.callbacks.Callback):
    """Notes the loss of each batch and stops where it has diverged."""

    def __init__(self) -> None:
        super().__init__()
        self.losses: list[float] = []
        self.smoothed: list[float] = []
        self.diverged = False
        self._average = 0.0

    def on_train_batch_begin(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        """Makes the logged loss that of one batch; Keras's is the mean over the epoch."""
        self.model.reset_metrics()

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        """Looks at the loss."""
        loss = float((logs or {})["loss"])
        if math.isfinite(loss):
            self.losses.append(loss)
            self._average = _SMOOTHING * self._average + (1 - _SMOOTHING) * loss
            self.smoothed.append(self._average / (1 - _SMOOTHING ** len(self.losses)))
        if not math.isfinite(loss) or self.smoothed[-1] > self._bound():
            self.diverged = self.model.stop_training = True

    def _bound(self) -> float:
        first, lowest = self.smoothed[0], min(self.smoothed)
        learnt = lowest < 0.8 * first  # then to be back where it began is enough
        return min(_DIVERGED * lowest, first) if learnt else _DIVERGED * lowest


def _suggest(rates: np.ndarray, smoothed: np.ndarray) -> tuple[float, str]:
    """Returns a tenth of the rate at the lowest loss, where it did fall, and why."""
    lowest = int(np.argmin(smoothed))
    if lowest == 0 or smoothed[lowest] > 0.95 * smoothed[0]:
        raise UserError(
            f"lr-find: the loss never fell below its start ({smoothed[0]:.3g}) at learning rates "
            f"from {rates[0]:.2g} to {rates[-1]:.2g}: try more --steps, or another range "
            "(--from, --to)"
        )
    rate = float(rates[lowest])
    return rate / 10, f"a tenth of {rate:.2g}, where the smoothed loss is lowest"


def range_test(
    session: Session,
    *,
    low: float = 1e-6,
    high: float = 10.0,
    steps: int = 200,
) -> RangeTest:
    """Trains a fresh network while the learning rate grows exponentially, and stops on divergence.

    Args:
        session: From `assemble`; its weights are spent on the test. All but the schedule and the
            length of the run is as in training.
        low: First learning rate; positive.
        high: Last learning rate; above `low`.
        steps: Batches to train on; at least 10.

    Raises:
        UserError: For a range or number of steps that cannot be, or if the loss never fell.
    """
    if not 0 < low < high:
        raise UserError(f"lr-find: got rates from {low:g} to {high:g}, must grow from above 0")
    if steps < 10:
        raise UserError(f"lr-find steps: got {steps}, must be at least 10")
    model, data, recipe = session.model, session.data, session.recipe
    steps_per_epoch = build_schedule(data, recipe).steps_per_epoch
    ramp = _Ramp(recipe, low, high, steps, steps_per_epoch)
    compile_model(model, recipe, ramp, data.classes, session.head)
    watch = _Watch()
    with session.device.scope(), named_failures(data):
        model.fit(
            training_stream(model, data, recipe),
            steps_per_epoch=steps,
            shuffle=False,
            verbose=0,
            callbacks=[watch],
        )
    rates = low * (high / low) ** (np.arange(len(watch.losses)) / (steps - 1))
    losses, smoothed = np.array(watch.losses), np.array(watch.smoothed)
    suggestion, reason = _suggest(rates, smoothed)
    return RangeTest(rates, losses, smoothed, suggestion, reason, watch.diverged)
