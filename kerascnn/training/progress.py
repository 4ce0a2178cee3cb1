"""What the user sees while a network trains."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskProgressColumn,
    TextColumn,
)

from kerascnn.backend import keras
from kerascnn.duration import format_duration
from kerascnn.text import tell
from kerascnn.training.best_weights import Best
from kerascnn.training.budget import Budget


def _of_epochs(epoch: int, budget: Budget) -> str:
    """Returns "3/20", or "  3/~12" where the clock ends the run and the number may grow."""
    width = len(str(budget.epochs)) if budget.exact else 3
    total = f"{'' if budget.exact else '~'}{max(budget.epochs, epoch + 1)}"
    return f"{epoch + 1:{width}}/{total:{width + (not budget.exact)}}"


# What a line calls a figure, and how it writes it.
_FIGURES = {
    "accuracy": ("accuracy", "{:7.2%}"),
    "mean_average_precision": ("mAP", "{:.4f}"),
}


def epoch_line(
    of_epochs: str,
    logs: dict[str, Any],
    best: bool,
    *,
    figure: str = "accuracy",
    room: int | None = None,
) -> str:
    """Returns one plain line for an epoch that has ended.

    Args:
        of_epochs: Which epoch, of how many.
        logs: Its figures.
        best: Whether it is the best so far.
        figure: What is followed beside the loss.
        room: Characters that there are; what does not fit is left out, the least important first.
            None for any number.
    """
    star = "  *" if best else ""
    words, form = _FIGURES[figure]
    reached, there = (f"{words} {form.format(logs[name])}" for name in (figure, f"val_{figure}"))
    head = f"epoch {of_epochs}  loss {_loss(logs['loss'])}  {reached}"
    validation = f"loss {_loss(logs['val_loss'])}  {there}"
    rate = f"lr {logs['learning_rate']:.2g}"
    speed = f"{logs['images_per_second']:,.0f} images/s"
    seconds = f"{logs['epoch_seconds']:.1f} s"
    forms = (
        f"{head}  | validation {validation}  | {rate}  {speed}  {seconds}{star}",
        f"{head}  | validation {validation}  | {rate}  {seconds}{star}",
        f"{head}  | validation {validation}  {seconds}{star}",
        f"{head}  | validation {validation}{star}",
        f"epoch {of_epochs}  loss {_loss(logs['loss'])}  | validation {validation}{star}",
        f"epoch {of_epochs}  validation {validation}{star}",
    )
    return next((form for form in forms if room is None or len(form) <= room), forms[-1])


def _loss(value: float) -> str:
    """Returns a loss with four decimals, or in powers of ten where it is out of all bounds."""
    return f"{value:.4f}" if value < 10_000 else f"{value:.2e}"


class EpochLines(keras.callbacks.Callback):
    """Reports one line per epoch (a star marks the best so far), with a bar on a terminal.

    Args:
        budget: Knows how many epochs there are.
        batch_size: For the rate.
        report: Called with each line; `tell` has the bar too, None shows nothing.
        figure: What is followed beside the loss.
        monitor: What is best, as `Best` has it.
    """

    def __init__(
        self,
        budget: Budget,
        batch_size: int,
        report: Callable[[str], None] | None = tell,
        *,
        figure: str = "accuracy",
        monitor: str = "loss",
    ):
        super().__init__()
        self._report, self._figure = report, figure
        self._budget, self._batch_size = budget, batch_size
        self._best = Best(monitor)
        self._console = Console(file=sys.stdout, highlight=False)
        # The bar redraws from a thread of its own ten times a second: steps only count.
        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TaskProgressColumn(show_speed=False),
            TextColumn("{task.fields[rate]}"),
            TextColumn("{task.fields[left]}"),
            console=self._console,
            transient=True,
        )
        self._live = report is tell and self._console.is_terminal

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        """Shows the bar of the whole run."""
        if self._live:
            self._bar.start()
            self._task = self._bar.add_task(
                "",
                total=self._budget.total_steps,
                completed=self._budget.steps,
                rate="",
                left="",
            )

    def get_state(self) -> dict[str, Any]:
        """Returns the best figures so far, for the stars."""
        return self._best.get_state()

    def set_state(self, state: dict[str, Any]) -> None:
        """Takes it back."""
        self._best.set_state(state)

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        """Counts the step."""
        if self._live:
            budget = self._budget
            speed, left = budget.steps_per_second, budget.seconds_left
            self._bar.update(
                self._task,
                total=budget.total_steps,
                completed=budget.steps,
                rate="" if speed is None else f"{speed * self._batch_size:,.0f} images/s",
                left="" if left is None else f"{format_duration(left)} left",
            )

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Names the epoch on the bar."""
        if self._live:
            self._bar.update(self._task, description=f"epoch {_of_epochs(epoch, self._budget)}")

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Prints the epoch's line."""
        assert logs is not None
        best = self._best.beaten_by(logs)
        if best:
            self._best.take(logs)
        room = self._console.width if self._live else None
        epochs = _of_epochs(epoch, self._budget)
        line = epoch_line(epochs, logs, best, figure=self._figure, room=room)
        if self._live:
            self._bar.print(line, markup=False)
        elif self._report is not None:
            self._report(line)

    def close(self) -> None:
        """Takes the bar off the screen, however training ended."""
        if self._live:
            self._bar.stop()
