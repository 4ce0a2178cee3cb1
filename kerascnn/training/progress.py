"""What the user sees while a network trains."""

from __future__ import annotations

import sys
from typing import Any

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskProgressColumn,
    TextColumn,
    TimeRemainingColumn,
)

from kerascnn.backend import keras
from kerascnn.training.callbacks import Position


def epoch_line(epoch: int, epochs: int, logs: dict[str, Any], best: bool) -> str:
    """Returns one plain line for an epoch that has ended."""
    width = len(str(epochs))
    return (
        f"epoch {epoch + 1:{width}}/{epochs}"
        f"  loss {logs['loss']:.4f}  accuracy {logs['accuracy']:7.2%}"
        f"  | validation loss {logs['val_loss']:.4f}  accuracy {logs['val_accuracy']:7.2%}"
        f"  | lr {logs['learning_rate']:.2g}"
        f"  {logs['images_per_second']:,.0f} images/s  {logs['epoch_seconds']:.1f} s"
        f"{'  *' if best else ''}"
    )


class EpochLines(keras.callbacks.Callback):
    """Prints one line per epoch (a star marks the best so far), and a bar on a terminal."""

    def __init__(self, epochs: int, batch_size: int, position: Position):
        super().__init__()
        self._epochs, self._batch_size, self._position = epochs, batch_size, position
        self._best = float("inf")
        self._console = Console(file=sys.stdout, highlight=False)
        # The bar redraws from a thread of its own ten times a second: steps only count.
        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TaskProgressColumn(show_speed=False),
            TextColumn("{task.fields[rate]}"),
            TextColumn("left"),
            TimeRemainingColumn(),
            console=self._console,
            transient=True,
        )
        self._live = self._console.is_terminal

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        """Shows the bar of the whole run."""
        if self._live:
            self._bar.start()
            total = self._epochs * self._position.steps
            self._task = self._bar.add_task("", total=total, completed=self._done(), rate="")

    def _done(self) -> int:
        return self._position.epoch * self._position.steps + self._position.step

    def get_state(self) -> dict[str, Any]:
        """Returns the best loss so far, for the stars."""
        return {"best": self._best}

    def set_state(self, state: dict[str, Any]) -> None:
        """Takes it back."""
        self._best = state["best"]

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        """Counts the step."""
        if self._live:
            speed = self._bar.tasks[0].speed
            self._bar.update(
                self._task,
                completed=self._done(),
                rate=f"{speed * self._batch_size:,.0f} images/s" if speed else "",
            )

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Names the epoch on the bar."""
        if self._live:
            self._bar.update(self._task, description=f"epoch {epoch + 1}/{self._epochs}")

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Prints the epoch's line."""
        assert logs is not None
        best = logs["val_loss"] < self._best
        self._best = min(self._best, logs["val_loss"])
        line = epoch_line(epoch, self._epochs, logs, best)
        if self._live:
            self._bar.print(line, soft_wrap=True)
        else:
            print(line, flush=True)

    def close(self) -> None:
        """Takes the bar off the screen, however training ended."""
        if self._live:
            self._bar.stop()
