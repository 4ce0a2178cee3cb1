"""The store of a place, read by this process while commands write to it."""

from __future__ import annotations

import os
import threading

from benchmarks.torture.command_line import Place
from kerascnn import tracking
from kerascnn.tracking import Run
from kerascnn.tracking.runs import list_runs

_LOCK = threading.Lock()  # the variable is the process's


def runs_of(place: Place, kind: str | None = None) -> list[Run]:
    """Returns the runs of a place, or its sweeps or trials; read whole."""
    with _LOCK:
        os.environ["MLFLOW_TRACKING_URI"] = f"sqlite:///{place.work / 'mlruns' / 'mlflow.db'}"
        runs = tracking.list_runs() if kind is None else list_runs(kind=kind)
        for run in runs if kind is None else ():
            _ = run.history
        return runs
