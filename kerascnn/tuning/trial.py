"""A trial: a recipe trained and scored on its validation images, in a process of its own.

With `data.folds` it is trained once for each fold, and scored on the images that the fold leaves
out.
"""

from __future__ import annotations

import contextlib
import math
import os
import signal
import statistics
import tempfile
import threading
import time
import traceback
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from multiprocessing import parent_process
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from kerascnn.errors import TrainingError, UserError
from kerascnn.folds import fold_metrics, fold_recipe
from kerascnn.recipe import Recipe
from kerascnn.text import tell

# Figures of a trial, or of one of its folds, beside its scores.
_COMMON = ("best_epoch", "parameters", "macs", "train_seconds", "step_seconds", "trial_seconds")


@dataclass(frozen=True)
class WantedModel:
    """Where a trial leaves its network, if it may be the best so far.

    Attributes:
        folder: It exists, and is empty.
        objective: Name of the figure that the sweep searches the best of.
        maximize: Whether the best is the highest.
        least: What the figure must reach; None for any.
    """

    folder: Path
    objective: str
    maximize: bool
    least: float | None

    def reached_by(self, value: float) -> bool:
        """Whether an objective is as good as it must be; one that is not finite is not."""
        if not math.isfinite(value):
            return False
        if self.least is None:
            return True
        return value >= self.least if self.maximize else value <= self.least


@dataclass(frozen=True)
class TrialTask:
    """What a trial's process is given.

    Attributes:
        recipe: Raw values of the trial's own, resolved recipe.
        executions: How often it is trained, each time from another seed.
        log: File for what the process prints.
        environment: Variables that the process has.
        folds: Figures of the folds that are finished already, by number.
        model: Where to leave its network; None where it is not wanted.
    """

    recipe: Mapping[str, Any]
    executions: int
    log: Path
    environment: Mapping[str, str]
    folds: Mapping[int, Mapping[str, float]] = field(default_factory=dict)
    model: WantedModel | None = None


def run(task: TrialTask, reports: Connection) -> None:
    """Trains a trial and reports, as the main function of a process.

    What it sends, one after the other: ("epoch", number, figures) for each epoch that ends, and at
    last ("done", figures) or ("failed", message). Where it is cross-validated, the epochs of a fold
    come between ("fold", number) and ("fold done", figures).

    Args:
        task: What to train.
        reports: Where to.
    """
    _settle(task)
    report: tuple[str, Any]
    try:
        report = ("done", _train(task, reports))
    except (UserError, TrainingError) as error:
        report = ("failed", str(error))
    except Exception as error:
        traceback.print_exc()
        first = (str(error).strip().splitlines() or [""])[0]
        report = ("failed", f"{type(error).__name__}: {first}")
    reports.send(report)
    reports.close()


def _settle(task: TrialTask) -> None:
    """Makes the process the trial's own."""
    os.environ.clear()
    os.environ.update(task.environment)
    tempfile.tempdir = None  # the fork server's own was remembered there
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the sweep ends its trials itself
    output = os.open(task.log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    os.dup2(output, 1)
    os.dup2(output, 2)
    os.close(output)
    with contextlib.suppress(OSError):  # where memory runs out, this process shall be killed
        Path("/proc/self/oom_score_adj").write_text("1000", encoding="ascii")
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = parent_process()
    assert parent is not None
    parent.join()
    os._exit(1)


def _train(task: TrialTask, reports: Connection) -> dict[str, float]:
    recipe = Recipe(**task.recipe)
    if not recipe.data.cross_validated:
        return _repeat(recipe, task.executions, ("validation",), reports, task.model)
    assert recipe.data.folds is not None
    found = []
    for number in range(1, recipe.data.folds + 1):
        figures = task.folds.get(number)
        if figures is None:
            reports.send(("fold", number))
            fold = fold_recipe(recipe, number)
            figures = _repeat(fold, task.executions, ("validation", "test"), reports)
            reports.send(("fold done", figures))
        found.append(figures)
    # Not those of its epochs, nor of what it is tested on: by that the trial is chosen.
    means = {
        name: mean
        for name, mean in _means(found).items()
        if name in _COMMON or name.startswith("validation_")
    }
    return means | fold_metrics(found)


def _means(results: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """Returns the means of the figures that all of them have."""
    return {
        name: statistics.fmean(result[name] for result in results)
        for name in results[0]
        if all(name in result for result in results)
    }


def _repeat(
    recipe: Recipe,
    executions: int,
    splits: Sequence[str],
    reports: Connection,
    model: WantedModel | None = None,
) -> dict[str, float]:
    """Trains a network so often, and returns the means of what it is scored by on some splits.

    The first of them is the one that is left: of the seed in the recipe. It is, too, where only the
    mean of all tells whether it is wanted.
    """
    if model is not None and executions > 1:
        model = replace(model, least=None)
    started = time.perf_counter()
    results = []
    for execution in range(executions):
        seeded = recipe.with_training(seed=recipe.training.seed + execution)
        wanted = None if execution else model
        results.append(_execute(seeded, execution, splits, reports, wanted))
    return _means(results) | {"trial_seconds": time.perf_counter() - started}


def _execute(
    recipe: Recipe,
    execution: int,
    splits: Sequence[str],
    reports: Connection,
    wanted: WantedModel | None,
) -> dict[str, float]:
    """Trains a network once, as `kerascnn train` does; other splits' images are left alone."""
    # After this process has settled: they import TensorFlow.
    from kerascnn.backend import keras
    from kerascnn.evaluation.scores import score
    from kerascnn.report.artifacts import write_artifacts
    from kerascnn.run_model import start_of
    from kerascnn.serving.archive import SavedModel
    from kerascnn.starting_weights import settle_weights, weights_of
    from kerascnn.training.session import assemble

    prefix = f"execution{execution + 1}." if execution else ""

    def report(epoch: int, logs: Mapping[str, Any]) -> None:
        reports.send(("epoch", epoch, {f"{prefix}{k}": float(v) for k, v in logs.items()}))

    keras.utils.clear_session()
    settled = settle_weights(recipe)
    session = assemble(settled, weights_of=weights_of, start_of=start_of, report=tell)
    outcome = session.fit([keras.callbacks.LambdaCallback(on_epoch_end=report)])
    if outcome.failure is not None:
        raise outcome.failure
    if outcome.best_epoch is None:
        raise TrainingError("no epoch ended")
    scores: dict[str, float] = {}
    predictions = {split: session.predict(split) for split in splits}
    for split, found in predictions.items():
        scores |= score(found).metrics(split)
    if wanted is not None and wanted.reached_by(scores[wanted.objective]):
        saved = SavedModel(session.network, session.data.classes, session.recipe)
        write_artifacts(wanted.folder, "", recipe, saved, {}, predictions)
    return {
        **scores,
        "best_epoch": outcome.best_epoch + 1,
        "parameters": session.analysis.parameters,
        "macs": session.analysis.macs,
        "train_seconds": outcome.seconds,
        "step_seconds": outcome.step_seconds,
    }
