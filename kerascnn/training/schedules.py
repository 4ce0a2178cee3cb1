"""The learning rate over a run, computed from the optimizer's count of steps."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from kerascnn.backend import keras
from kerascnn.errors import UserError
from kerascnn.training.optimizer_spec import OptimizerSpec

ops = keras.ops


class Schedule(keras.optimizers.schedules.LearningRateSchedule):
    """The schedule of a recipe.

    What can change during the run is in two variables, which the optimizer counts among its own: so
    its variables are all that a resumed run needs.

    Args:
        spec: The spec of the optimizer: its learning rate and its schedule are read.
        steps: The steps of the whole run; a step is one batch, whether it updates weights or
            accumulates.
        steps_per_epoch: The steps of one epoch.
        head_steps: Those of the run that come before the schedule, at the full learning rate.

    Attributes:
        total: Variable: steps that the run has; see `refit`.
        scale: Variable: what plateaus have multiplied the rate by so far.
        first: The optimizer's count at the first step of the schedule; not 0 where it goes on from
            another run's, and while the head is trained first.
        planned: Steps of the schedule, before it was refitted.
        warmup: Steps of the schedule as planned until the full learning rate.

    Raises:
        UserError: If the warm-up is longer than the run.
    """

    def __init__(
        self, spec: OptimizerSpec, *, steps: int, steps_per_epoch: int, head_steps: int = 0
    ):
        self.spec: Any = spec.schedule  # the fields that its kind has are set
        self.rate = spec.learning_rate
        self.head_steps = head_steps
        self.planned = max(steps - head_steps, 1)
        self.first = 0
        self.steps_per_epoch = steps_per_epoch
        self._unit = steps_per_epoch if self.spec.unit == "epochs" else 1
        self.warmup = (self.spec.warmup or 0.0) * self._unit
        if self.warmup > self.planned and steps > head_steps:
            raise UserError(
                f"optimizer.schedule.warmup: got {self.spec.warmup:g} {self.spec.unit}, "
                f"the run has only {self.planned / self._unit:g}"
            )
        self.total = keras.Variable(
            float(self.planned), trainable=False, dtype="float32", name="schedule_total"
        )
        self.scale = keras.Variable(1.0, trainable=False, dtype="float32", name="schedule_scale")

    @property
    def variables(self) -> list[keras.Variable]:
        """Those that change during the run."""
        return [self.total, self.scale]

    def refit(self, steps: int) -> None:
        """Stretches or shrinks the whole schedule, warm-up and drops included, to another length.

        Args:
            steps: That the run has in all, those done included; at least 1.
        """
        self.total.assign(float(max(steps - self.head_steps, 1)))

    def time(self, step: Any) -> Any:
        """Returns a step of the run as it is in steps of the run as planned, float32."""
        return ops.cast(step - self.first, "float32") * (self.planned / self.total)

    def __call__(self, step: Any) -> Any:
        """Returns the learning rate of a step, by the optimizer's count."""
        time = self.time(step)
        share = getattr(self, f"_{self.spec.name.replace('-', '_')}")(time)
        if self.warmup:
            start = self.spec.start or 0.0
            if self.spec.warmup_shape == "linear":  # full at the last step of the warm-up
                rising = start + (1 - start) * (time + 1) / self.warmup
            else:
                rising = ops.full_like(time, start)
            share = ops.where(time < self.warmup, ops.minimum(rising, 1.0), share)
        if self.head_steps:
            share = ops.where(time < 0, 1.0, share)
        return self.rate * self.scale * share

    def _left(self, time: Any) -> Any:
        """Returns what is left, from 1 after the warm-up to 0 at `until` or the end."""
        end = self.spec.until * self._unit if self.spec.until else float(self.planned)
        length = max(end - self.warmup, 1.0)
        return 1 - ops.clip((time - self.warmup) / length, 0.0, 1.0)

    def _fall(self, left: Any) -> Any:
        return self.spec.final + (1 - self.spec.final) * left

    def _constant(self, time: Any) -> Any:
        return ops.ones_like(time)

    _plateau = _constant  # `Plateau` moves the scale

    def _step(self, time: Any) -> Any:
        # Halfway between two steps, as the stretched time is not exact.
        passed = [ops.cast(time >= at * self._unit - 0.5, "float32") for at in self.spec.at]
        return ops.power(self.spec.factor, sum(passed[1:], passed[0]))

    def _linear(self, time: Any) -> Any:
        return self._fall(self._left(time))

    def _polynomial(self, time: Any) -> Any:
        return self._fall(ops.power(self._left(time), self.spec.power))

    def _cosine(self, time: Any) -> Any:
        return self._fall((1 - ops.cos(math.pi * self._left(time))) / 2)

    def _exponential(self, time: Any) -> Any:
        every = self.spec.every * self._unit
        times = ops.maximum(time - self.warmup, 0.0) / every
        if self.spec.staircase:
            times = ops.floor(times + 0.5 / every)  # again halfway between two steps
        return ops.maximum(ops.power(self.spec.factor, times), self.spec.final)

    def _one_cycle(self, time: Any) -> Any:
        top = self.spec.peak * self.planned
        up = ops.clip(time / top, 0.0, 1.0)
        down = 1 - ops.clip((time - top) / (self.planned - top), 0.0, 1.0)
        if self.spec.shape == "cosine":
            up, down = ((1 - ops.cos(math.pi * half)) / 2 for half in (up, down))
        return ops.where(time < top, self.spec.start + (1 - self.spec.start) * up, self._fall(down))


class Plateau(keras.callbacks.Callback):
    """Multiplies the learning rate once the validation loss has stopped falling.

    Epochs within the warm-up, or before the schedule, are not waited for. As in Keras, a fall by
    0.0001 is one.

    Args:
        schedule: The optimizer's; what this moves is its variable `scale`.
    """

    def __init__(self, schedule: Schedule):
        super().__init__()
        self._schedule = schedule
        self._best = np.inf
        self._wait = self._drops = 0

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Looks at the validation loss."""
        assert logs is not None
        spec = self._schedule.spec
        loss = float(logs["val_loss"])
        done = (epoch + 1) * self._schedule.steps_per_epoch - self._schedule.head_steps
        if loss < self._best - 1e-4:
            self._best, self._wait = loss, 0
        elif float(self._schedule.time(done + self._schedule.first)) > self._schedule.warmup:
            self._wait += 1
        if self._wait >= spec.patience and (spec.drops is None or self._drops < spec.drops):
            self._schedule.scale.assign(self._schedule.scale * spec.factor)
            self._wait, self._drops = 0, self._drops + 1

    def get_state(self) -> dict[str, float]:
        """Returns what a resumed run needs, beside the optimizer's variables."""
        return {"best": self._best, "wait": self._wait, "drops": self._drops}

    def set_state(self, state: dict[str, float]) -> None:
        """Goes on from what `get_state` returned."""
        self._best = state["best"]
        self._wait, self._drops = int(state["wait"]), int(state["drops"])
