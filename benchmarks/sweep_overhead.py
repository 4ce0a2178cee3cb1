"""What a sweep's trials cost beside their training, against a fresh process for each.

A trial's overhead is all of its time but its epochs, each taken to last as long as the median one
after the first, which traces: process, data, building, tracing, tracking and scoring. The peer runs
the same recipes one by one with `kerascnn train`, whose process imports TensorFlow anew.

    python -m benchmarks.sweep_overhead [DATASET]      # digits, or mnist with TFDS_DATA_DIR

The row of sweep_overhead.csv for the same data and machine is replaced; `start_up.py --render`
writes it into docs/performance.md.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.tables import replace_rows
from kerascnn import tracking
from kerascnn.hardware import hardware
from kerascnn.recipe import load_recipe
from kerascnn.tracking import Run
from kerascnn.tuning.space import SpaceSpec
from kerascnn.tuning.spec import SweepSpec
from kerascnn.tuning.sweep import run_sweep

TRIALS, EPOCHS, PEERS = 4, 4, 2
TABLE = Path(__file__).with_name("sweep_overhead.csv")
FIELDS = (
    "data", "trials", "epochs", "training_seconds", "beside_seconds", "process_seconds",
    "load_before", "hardware",
)  # fmt: skip


def training_seconds(run: Run) -> float:
    """What the epochs of a run take once they are traced, validation included."""
    seconds = run.history["epoch_seconds"]
    return statistics.median(seconds[1:]) * len(seconds)


def main() -> None:
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # as where packages are installed
    load = os.getloadavg()[0]
    os.chdir(tempfile.mkdtemp())
    recipe = load_recipe(
        {"model": {"name": "convnet"}, "data": {"name": (sys.argv[1:] or ["digits"])[0]}}
    )
    space = SpaceSpec(ranges={"model.filters": {"int": [8, 32]}})
    started = time.perf_counter()
    spec = SweepSpec(tuner="random", trials=TRIALS, max_epochs=EPOCHS)
    result = run_sweep(recipe, space, spec)
    whole = time.perf_counter() - started
    trials = [trial.run for trial in result.trials]
    training = [training_seconds(trial) for trial in trials]
    beside = [
        trial.metrics["trial_seconds"] - seconds
        for trial, seconds in zip(trials, training, strict=True)
    ]
    peer = []
    for trial in trials[:PEERS]:
        started = time.perf_counter()
        name = f"peer-{trial.params['trial']}"
        recipe_file = str(trial.artifact("recipe.yaml"))
        arguments = ("train", "--recipe", recipe_file, "--name", name)
        subprocess.run(
            [sys.executable, "-m", "kerascnn_pipelines.cli", *arguments],
            check=True,
            stdout=subprocess.DEVNULL,
        )
        seconds = time.perf_counter() - started
        run = tracking.load_run(name)
        peer.append(seconds - training_seconds(run))
    print(f"\n{TRIALS} trials of {EPOCHS} epochs on {recipe.data.name}, load {load:.1f}")
    print(f"sweep        {whole:.1f} s, of which training {sum(training) / whole:.0%}")
    print(
        f"a trial      {statistics.median(beside):.1f} s beside its training (under 2 s is wanted)"
    )
    print(f"a process of its own {statistics.median(peer):.1f} s (test split and plots included)")
    print(f"ratio        {statistics.median(beside) / statistics.median(peer):.2f}")
    row = {
        "data": recipe.data.name,
        "trials": TRIALS,
        "epochs": EPOCHS,
        "training_seconds": round(statistics.median(training), 2),
        "beside_seconds": round(statistics.median(beside), 2),
        "process_seconds": round(statistics.median(peer), 2),
        "load_before": round(load, 2),
        "hardware": hardware(),
    }
    replace_rows(TABLE, FIELDS, ("data", "hardware"), [row])


if __name__ == "__main__":
    main()
