"""Runs in MLflow: no module outside this package imports it."""

from kerascnn.tracking.active import ActiveRun, check_name, new_files, resume_run, start_run
from kerascnn.tracking.continuation import CONTINUES, continued_recipe, run_to_continue
from kerascnn.tracking.folds import fold_tags, folds_of
from kerascnn.tracking.origin import check_tags, read_tags
from kerascnn.tracking.registry import check_registration
from kerascnn.tracking.runs import (
    FINGERPRINT,
    Run,
    differing,
    find_trial,
    list_runs,
    load_run,
    names_network,
    read_run,
)
from kerascnn.tracking.store import STORE_FOLDER, check_store, experiment_name, store_uri
from kerascnn.tracking.sweeps import (
    ActiveSweep,
    check_new_sweep,
    create_sweep,
    half_made_trials,
    is_full,
    list_sweeps,
    load_sweep,
    ranked,
    retrained,
    sweep_file,
    trial_number,
    trials_of,
)

__all__ = [
    "CONTINUES",
    "FINGERPRINT",
    "STORE_FOLDER",
    "ActiveRun",
    "ActiveSweep",
    "Run",
    "check_name",
    "check_new_sweep",
    "check_registration",
    "check_store",
    "check_tags",
    "continued_recipe",
    "create_sweep",
    "differing",
    "experiment_name",
    "find_trial",
    "fold_tags",
    "folds_of",
    "half_made_trials",
    "is_full",
    "list_runs",
    "list_sweeps",
    "load_run",
    "load_sweep",
    "names_network",
    "new_files",
    "ranked",
    "read_run",
    "read_tags",
    "resume_run",
    "retrained",
    "run_to_continue",
    "start_run",
    "store_uri",
    "sweep_file",
    "trial_number",
    "trials_of",
]
