"""The loop of a sweep: asks for trials, runs each in its process, tells what came of it."""

from __future__ import annotations

import contextlib
import math
import os
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from kerascnn import provenance
from kerascnn.errors import TrainingError, UserError
from kerascnn.folds import fold_recipe
from kerascnn.recipe import Recipe
from kerascnn.run_model import model_tags
from kerascnn.tracking import FINGERPRINT, ActiveRun, ActiveSweep, Run
from kerascnn.tracking.sweeps import FULL
from kerascnn.tuning.best import BestModel
from kerascnn.tuning.oracles import OBJECTIVE
from kerascnn.tuning.plan import Plan
from kerascnn.tuning.processes import TrialProcess, wait
from kerascnn.tuning.progress import View
from kerascnn.tuning.slots import Slot
from kerascnn.tuning.trial import TrialTask, WantedModel

FAILURES_IN_A_ROW = 5
FIRST_FAILURES = 3  # of a worker that has not finished any trial: it cannot train, by all signs
_TICK = 0.5  # seconds


class Oracle(Protocol):
    """What a search asks: KerasTuner's oracle, or its client on another machine."""

    def create_trial(self, tuner_id: str) -> Any:
        """Returns a trial to run, or one whose status says that there is none now, or none more."""

    def update_trial(self, trial_id: str, metrics: Mapping[str, float], step: int = 0) -> Any:
        """Takes the figures of a trial."""

    def end_trial(self, trial: Any) -> None:
        """Takes the status of a trial that has ended."""


@dataclass
class _Running:
    slot: Slot
    trial: Any
    number: int
    process: TrialProcess
    run: ActiveRun
    recipe: Recipe
    started: float
    before: float  # seconds that its finished folds took, where it is taken up again
    model: WantedModel | None
    fold: tuple[int, ActiveRun] | None = None  # that is being trained, and its number


def number_of(trial_id: str) -> int:
    """Returns the number of a trial, from 1, that an oracle's id stands for."""
    return int(trial_id) + 1


def trial_tags(sweep: Run, recipe: Recipe) -> dict[str, str]:
    """Returns where the trials of a sweep come from, which this process runs.

    Args:
        sweep: The sweep: of its data they are.
        recipe: That they vary.
    """
    known = {key: sweep.tags[key] for key in (FINGERPRINT,) if key in sweep.tags}
    return provenance.tags() | model_tags(recipe) | known


class Search:
    """Runs trials until the oracle has no more, or the time is up.

    Args:
        oracle: Chooses what to try, and learns from it.
        sweep: Where the trials are tracked.
        plan: Makes their recipes.
        slots: How many at once, and where.
        view: Told of everything that happens.
        tags: The tags of every trial's run.
        folder: For the logs of the processes.
        deadline: By `time.monotonic`; None for none.
        first_failures: Failures in a row, before any trial has finished, that end the search.
        beat: Called now and then with the id of a trial that runs; whether it is still ours.
    """

    def __init__(
        self,
        oracle: Oracle,
        sweep: ActiveSweep,
        plan: Plan,
        slots: Sequence[Slot],
        view: View,
        *,
        tags: Mapping[str, str],
        folder: Path,
        deadline: float | None = None,
        first_failures: int = FAILURES_IN_A_ROW,
        beat: Callable[[str], bool] = lambda trial_id: True,
    ):
        self._oracle, self._sweep, self._plan, self._view = oracle, sweep, plan, view
        self._slots, self._tags, self._folder = slots, tags, folder
        self._deadline, self._beat = deadline, beat
        self._running: list[_Running] = []
        self._stopped = False
        self._failures, self._failures_allowed = 0, first_failures
        self._best = BestModel(sweep, plan)

    def run(self) -> bool:
        """Runs the search.

        Returns:
            Whether the oracle has no more trials; False where the time was up before.

        Raises:
            TrainingError: If several trials in a row fail.
        """
        try:
            while True:
                self._fill()
                if self._stopped and not self._running:
                    return True
                if self._deadline is not None and time.monotonic() > self._deadline:
                    return False
                self._listen()
                self._view.tick()
        finally:
            for running in list(self._running):
                self._drop(running)

    def _fill(self) -> None:
        busy = {running.slot.name for running in self._running}
        for slot in self._slots:
            if self._stopped or slot.name in busy:
                continue
            trial = self._oracle.create_trial(slot.name)
            if trial.status == "STOPPED":
                self._stopped = True
            elif trial.status == "RUNNING":
                self._start(slot, trial)

    def _start(self, slot: Slot, trial: Any) -> None:
        number = number_of(trial.trial_id)
        values = trial.hyperparameters.values
        recipe = self._plan.trial(values, threads=slot.threads)
        taken_up = None
        if self._plan.cross_validated:
            taken_up = self._sweep.take_up_trial(number, recipe)
        done = {} if taken_up is None else {n: fold.metrics for n, fold in taken_up[1].items()}
        model = self._best.wanted(full=self._plan.is_full(values))
        task = TrialTask(
            recipe=recipe.model_dump(mode="json"),
            executions=self._plan.spec.executions,
            log=self._folder / f"trial-{number}.log",
            environment={**os.environ, **slot.environment},
            folds=done,
            model=model,
        )
        process = TrialProcess(task)
        if taken_up is None:
            tags = {**self._tags, FULL: str(self._plan.is_full(values)).lower()}
            run = self._sweep.start_trial(number, recipe, tags, {})
        else:
            run = taken_up[0]
        before = sum(figures["trial_seconds"] for figures in done.values())
        self._running.append(
            _Running(slot, trial, number, process, run, recipe, time.monotonic(), before, model)
        )
        self._view.started(number, values)

    def _listen(self) -> None:
        if not self._running:
            time.sleep(_TICK)
            return
        ready = wait([running.process for running in self._running], _TICK)
        for running in list(self._running):
            if not self._beat(running.trial.trial_id):  # first: its run may be gone
                self._drop(running)
                self._view.dropped(running.number, "the chief has taken it back")
            elif running.process in ready:
                self._take(running, running.process.next_report())

    def _take(self, running: _Running, report: tuple[Any, ...]) -> None:
        kind, *content = report
        if kind == "epoch":
            epoch, figures = content
            run = running.fold[1] if running.fold else running.run
            run.log_metrics(figures, step=epoch + 1)
            self._view.epoch(running.number, epoch + 1, figures)
            return
        if kind == "fold":
            (fold,) = content
            recipe = fold_recipe(running.recipe, fold)
            running.fold = fold, self._sweep.start_fold(running.run, fold, recipe, self._tags)
            self._view.fold(running.number, fold)
            return
        if kind == "fold done":
            assert running.fold is not None
            (figures,), (_, run) = content, running.fold
            run.log_metrics(figures, step=int(figures["best_epoch"]))
            self._sweep.end_trial(run)
            running.fold = None
            return
        self._running.remove(running)
        try:
            if kind == "done":
                running.process.finish()
                self._succeed(running, content[0])
            else:
                running.process.end()
                self._fail(running, content[0])
        finally:
            self._best.clear(running.model)

    def _succeed(self, running: _Running, figures: dict[str, float]) -> None:
        value = figures[self._plan.objective]
        if not math.isfinite(value):
            self._fail(running, f"{self._plan.objective} is {value}")
            return
        seconds = running.before + time.monotonic() - running.started
        figures |= {"objective": value, "trial_seconds": seconds}
        running.run.log_metrics(figures, step=int(figures["best_epoch"]))
        full = self._plan.is_full(running.trial.hyperparameters.values)
        with self._best.kept(running.run, running.model, value, running.number, full=full):
            self._sweep.end_trial(running.run)
        self._oracle.update_trial(running.trial.trial_id, {OBJECTIVE: value})
        running.trial.status = "COMPLETED"
        self._oracle.end_trial(running.trial)
        self._failures, self._failures_allowed = 0, FAILURES_IN_A_ROW
        self._view.ended(running.number, value, None)

    def _fail(self, running: _Running, message: str) -> None:
        if running.fold is not None:
            number, fold = running.fold
            self._sweep.end_trial(fold, error=message)
            message = f"fold {number}: {message}"
        self._sweep.end_trial(running.run, error=message)
        running.trial.status = "FAILED"
        running.trial.message = message
        self._oracle.end_trial(running.trial)
        self._view.ended(running.number, None, message)
        self._failures += 1
        if self._failures >= self._failures_allowed:
            ends = (
                f"the last {self._failures} trials failed, so the search stops"
                if self._failures_allowed == FAILURES_IN_A_ROW
                else f"{self._failures} trials failed here and none succeeded, so this worker ends "
                "and leaves them to others"
            )
            raise TrainingError(f"{ends}; the last one's: {message}")

    def _drop(self, running: _Running) -> None:
        """Ends a trial that has not ended; whoever goes on runs it again."""
        self._running.remove(running)
        running.process.end()
        self._best.clear(running.model)
        folds = [running.fold[1].id] if running.fold else []
        with contextlib.suppress(UserError):
            self._sweep.forget_trial(running.run.id, folds)
