"""A trial: a recipe trained and scored on its validation images, in a process of its own."""

from __future__ import annotations

import contextlib
import os
import signal
import statistics
import tempfile
import threading
import time
import traceback
from collections.abc import Mapping
from dataclasses import dataclass
from multiprocessing import parent_process
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from kerascnn.errors import TrainingError, UserError
from kerascnn.recipe import Recipe
from kerascnn.text import tell


@dataclass(frozen=True)
class TrialTask:
    """What a trial's process is given.

    Attributes:
        recipe: Raw values of the trial's own, resolved recipe.
        executions: How often it is trained, each time from another seed.
        log: File for what the process prints.
        environment: Variables that the process has.
    """

    recipe: Mapping[str, Any]
    executions: int
    log: Path
    environment: Mapping[str, str]


def run(task: TrialTask, reports: Connection) -> None:
    """Trains a trial and reports, as the main function of a process.

    What it sends, one after the other: ("epoch", number, figures) for each epoch that ends, and at
    last ("done", figures) or ("failed", message).

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
    started = time.perf_counter()
    recipe = Recipe(**task.recipe)
    results = []
    for execution in range(task.executions):
        seeded = recipe.with_training(seed=recipe.training.seed + execution)
        results.append(_execute(seeded, execution, reports))
    figures = {
        name: statistics.fmean(result[name] for result in results)
        for name in results[0]
        if all(name in result for result in results)
    }
    figures["trial_seconds"] = time.perf_counter() - started
    return figures


def _execute(recipe: Recipe, execution: int, reports: Connection) -> dict[str, float]:
    """Trains a network once, as `kerascnn train` does, and leaves the test images alone."""
    # After this process has settled: they import TensorFlow.
    from kerascnn.backend import keras
    from kerascnn.evaluation.scores import score
    from kerascnn.run_model import start_of
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
    return {
        **score(session.predict("validation")).metrics("validation"),
        "best_epoch": outcome.best_epoch + 1,
        "parameters": session.analysis.parameters,
        "macs": session.analysis.macs,
        "train_seconds": outcome.seconds,
        "step_seconds": outcome.step_seconds,
    }
