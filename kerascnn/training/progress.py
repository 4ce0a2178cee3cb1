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
from kerascnn.training.budget import Budget


def _of_epochs(epoch: int, budget: Budget) -> str:
    """Returns "3/20", or "3/~12" where the clock ends the run."""
    width = len(str(budget.epochs))
    return f"{epoch + 1:{width}}/{'' if budget.exact else '~'}{max(budget.epochs, epoch + 1)}"


def epoch_line(of_epochs: str, logs: dict[str, Any], best: bool) -> str:
    """Returns one plain line for an epoch that has ended."""
    return (
        f"epoch {of_epochs}"
        f"  loss {logs['loss']:.4f}  accuracy {logs['accuracy']:7.2%}"
        f"  | validation loss {logs['val_loss']:.4f}  accuracy {logs['val_accuracy']:7.2%}"
        f"  | lr {logs['learning_rate']:.2g}"
        f"  {logs['images_per_second']:,.0f} images/s  {logs['epoch_seconds']:.1f} s"
        f"{'  *' if best else ''}"
    )


class EpochLines(keras.callbacks.Callback):
    """Reports one line per epoch (a star marks the best so far), with a bar on a terminal.

    Args:
        budget: Knows how many epochs there are.
        batch_size: For the rate.
        report: Called with each line; `print` has the bar too, None shows nothing.
    """

    def __init__(
        self, budget: Budget, batch_size: int, report: Callable[[str], None] | None = print
    ):
        super().__init__()
        self._report = report
        self._budget, self._batch_size = budget, batch_size
        self._best = float("inf")
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
        self._live = report is print and self._console.is_terminal

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
        """Returns the best loss so far, for the stars."""
        return {"best": self._best}

    def set_state(self, state: dict[str, Any]) -> None:
        """Takes it back."""
        self._best = state["best"]

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
        best = logs["val_loss"] < self._best
        self._best = min(self._best, logs["val_loss"])
        line = epoch_line(_of_epochs(epoch, self._budget), logs, best)
        if self._live:
            self._bar.print(line, soft_wrap=True)
        elif self._report is print:
            print(line, flush=True)  # whoever follows a file or a pipe sees it now
        elif self._report is not None:
            self._report(line)

    def close(self) -> None:
        """Takes the bar off the screen, however training ended."""
        if self._live:
            self._bar.stop()
