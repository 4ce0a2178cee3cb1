"""Runs in MLflow: no module outside this package imports it."""

from kerascnn.tracking.active import ActiveRun, resume_run, start_run
from kerascnn.tracking.runs import Run, differing, list_runs, load_run
from kerascnn.tracking.store import STORE_FOLDER, check_store, store_uri

__all__ = [
    "STORE_FOLDER",
    "ActiveRun",
    "Run",
    "check_store",
    "differing",
    "list_runs",
    "load_run",
    "resume_run",
    "start_run",
    "store_uri",
]
