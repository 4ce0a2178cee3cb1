"""A sweep as it is watched: a live table on a terminal, one line per trial otherwise."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any

from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from kerascnn.duration import format_duration
from kerascnn.metrics import format_metric
from kerascnn.text import tell
from kerascnn.tuning.plan import OngoingSweep, Plan
from kerascnn.tuning.results import load_results

_ROWS = 10  # of ended trials in the live table


def show_values(values: Mapping[str, Any]) -> str:
    """Returns hyperparameters on one line, the last parts of their names: "filters=32 ..."."""
    return " ".join(
        f"{name.rpartition('.')[2]}={value:.3g}"
        if isinstance(value, float)
        else f"{name.rpartition('.')[2]}={value}"
        for name, value in values.items()
        if not name.startswith("tuner/")
    )


@dataclass
class _Trial:
    number: int
    values: str
    full: bool
    epochs: int
    began: float
    fold: int | None = None
    epoch: int = 0
    latest: float | None = None  # validation accuracy of its last epoch
    value: float | None = None
    message: str | None = None
    seconds: float = 0.0


@dataclass
class View:
    """What the user sees of a running search.

    Args:
        plan: What is searched.
        done: Trials that ended before the search was resumed, and the best value of those.
        best: The best objective so far, and the number of its trial.
        deadline: By `time.monotonic`.
        report: Called with each line where there is no terminal.
    """

    plan: Plan
    done: int = 0
    best: tuple[float, int] | None = None
    deadline: float | None = None
    report: Callable[[str], None] = tell
    failed: int = 0
    _running: dict[int, _Trial] = field(default_factory=dict)
    _ended: list[_Trial] = field(default_factory=list)
    _seconds: float = 0.0  # of trials that have ended
    _live: Live | None = None

    @classmethod
    def of(cls, sweep: OngoingSweep, deadline: float | None) -> View:
        """Returns the view of a sweep that may have trials already."""
        results = load_results(sweep.active.id)
        found = results.best_in_full
        best = None if found is None else (found.run.metrics["objective"], found.number)
        done = len(results.ranking) + results.count("FAILED")
        return cls(sweep.plan, done, best, deadline, sweep.report, results.count("FAILED"))

    def __enter__(self) -> View:
        """Shows the table."""
        console = Console(highlight=False)
        if console.is_terminal and self.report is tell:
            self._live = Live(console=console, auto_refresh=False, get_renderable=self._table)
            self._live.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Leaves the table as it is on the screen."""
        if self._live:
            self._live.refresh()
            self._live.stop()

    def started(self, number: int, values: Mapping[str, Any]) -> None:
        """Notes that a trial runs."""
        self._running[number] = _Trial(
            number,
            show_values(values),
            self.plan.is_full(values),
            int(values.get("tuner/epochs", self.plan.max_epochs)),
            time.monotonic(),
        )

    def epoch(self, number: int, epoch: int, figures: Mapping[str, float]) -> None:
        """Notes an epoch of a trial."""
        trial = self._running[number]
        trial.epoch, trial.latest = epoch, figures.get("val_accuracy", trial.latest)

    def fold(self, number: int, fold: int) -> None:
        """Notes that a fold of a trial begins."""
        trial = self._running[number]
        trial.fold, trial.epoch, trial.latest = fold, 0, None

    def ended(self, number: int, value: float | None, message: str | None) -> None:
        """Notes the end of a trial: the value of its objective, or why it has none."""
        trial = self._running.pop(number)
        trial.value, trial.message = value, message
        trial.seconds = time.monotonic() - trial.began
        self._seconds += trial.seconds
        self._ended.append(trial)
        self.done += 1
        if value is None:
            self.failed += 1
        elif trial.full and (self.best is None or self._better(value, self.best[0])):
            self.best = (value, number)
        if self._live is None:
            self._tell(self._line(trial))

    def dropped(self, number: int, message: str) -> None:
        """Notes that a trial has not ended here, and will be run again."""
        self._running.pop(number, None)
        if self._live is None:
            self._tell(f"trial {number}: {message}")

    def tick(self) -> None:
        """Draws the table anew."""
        if self._live:
            self._live.refresh()

    def _tell(self, line: str) -> None:
        self.report(line)
        sys.stdout.flush()  # whoever follows a file or a pipe sees it now

    def _better(self, value: float, than: float) -> bool:
        return value > than if self.plan.spec.direction == "max" else value < than

    def _show(self, value: float) -> str:
        return format_metric(self.plan.objective, value)

    def _line(self, trial: _Trial) -> str:
        if trial.value is None:
            outcome = f"failed: {trial.message}"
        else:
            brief = "" if trial.full else f" (brief, {trial.epochs} epochs)"
            outcome = f"{self.plan.objective} {self._show(trial.value)}{brief}"
        best = f"  best {self._show(self.best[0])} ({self.best[1]})" if self.best else ""
        return (
            f"trial {trial.number}{self._of()}  {outcome}  {format_duration(trial.seconds)}{best}"
            f"  | {trial.values}"
        )

    def _of(self) -> str:
        return f"/{self.plan.spec.trials}" if self.plan.spec.trials else ""

    def _left(self) -> str | None:
        """Estimates the time left, from the trials of this session."""
        left = []
        if self.plan.spec.trials and self._ended:
            trials = self.plan.spec.trials - self.done
            left.append(trials * self._seconds / len(self._ended) / self.plan.spec.workers)
        if self.deadline is not None:
            left.append(self.deadline - time.monotonic())
        return format_duration(max(min(left), 0)) if left else None

    def _table(self) -> Group:
        rows = []
        for trial in self._ended[-_ROWS:]:
            star = " *" if self.best and self.best[1] == trial.number else ""
            value = "" if trial.value is None else self._show(trial.value) + star
            state = "failed" if trial.value is None else "done" if trial.full else "brief"
            about = (trial.message or "") if trial.value is None else trial.values
            rows.append((str(trial.number), state, value, format_duration(trial.seconds), about))
        for trial in self._running.values():
            latest = "" if trial.latest is None else f"{trial.latest:.2%}"
            seconds = format_duration(time.monotonic() - trial.began)
            fold = f"fold {trial.fold}/{self.plan.recipe.data.folds} " if trial.fold else ""
            state = f"{fold}epoch {trial.epoch}/{trial.epochs}"
            rows.append((str(trial.number), state, latest, seconds, trial.values))
        headings = ("trial", "", self.plan.objective, "time", "values")
        table = Table(box=None, pad_edge=False)
        # Where the terminal is narrow, the columns that may wrap give way: the values, whose texts
        # are cut instead.
        for heading in headings:
            table.add_column(heading, no_wrap=heading != "values")
        for *cells, about in rows:
            table.add_row(*map(Text, cells), Text(about, no_wrap=True, overflow="ellipsis"))
        best = f"best {self._show(self.best[0])} (trial {self.best[1]})" if self.best else "no best"
        left = self._left()
        line = (
            f"{self.done - self.failed} done, {len(self._running)} running, {self.failed} failed"
            f" of {self.plan.spec.trials or 'the grid'}; {best}"
            f"{f'; {left} left' if left else ''}"
        )
        return Group(table, Text(line))
