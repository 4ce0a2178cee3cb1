from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from kerascnn import tracking
from kerascnn.recipe import load_recipe
from kerascnn.tuning.results import load_results


def test_no_sweeps_yet(workplace, kerascnn):
    done = kerascnn("sweeps")
    assert done.code == 0
    assert done.out.startswith("no sweeps yet in sqlite://")
    missing = kerascnn("sweeps", "show", "latest")
    assert (missing.code, missing.err) == (
        2,
        "Error: no sweep 'latest': 'kerascnn sweep MODEL DATASET' makes one\n",
    )


def test_a_stored_sweep_is_listed_and_shown(wide, kerascnn, tmp_path):
    listed = kerascnn("sweeps")
    assert listed.code == 0
    assert "validation_accuracy" in listed.out
    best = tmp_path / "best.yaml"
    shown = kerascnn("sweeps", "show", "wide", "--limit", 3, "--save-best", best)
    assert shown.code == 0
    assert "18 trials: 16 finished, 1 running, 1 failed" in shown.out
    assert "kerascnn sweep --resume wide" in shown.out
    assert "3 of 16 trials; --limit shows more" in shown.out
    assert "trial 5: ResourceExhaustedError: out of memory" in shown.out
    assert "importance (a forest that explains" in shown.out
    assert load_recipe(best).model.name == "convnet"


@pytest.mark.ci
def test_the_best_of_a_real_sweep_gives_its_score_again(workplace, kerascnn):
    Path("space.yaml").write_text(
        "model.stages: {int: [1, 5]}\n"
        "model.filters: {choice: [4, 8]}\n"
        "optimizer.learning_rate: {float: [0.001, 0.03], log: true}\n",
        encoding="utf-8",
    )
    swept = kerascnn(
        "sweep", "convnet", "digits", "--set", "model.convolutions=1", "--space", "space.yaml",
        "--tuner", "random", "--trials", 2, "--max-epochs", 1, "--deterministic",
    )  # fmt: skip
    assert swept.code == 0, swept.err
    assert "FINISHED, 2 trials: 2 finished" in swept.out
    shown = kerascnn("sweeps", "show", "latest", "--save-best", "best.yaml", "--out", "pictures")
    assert shown.code == 0, shown.err
    assert "FINISHED, 2 trials: 2 finished, 0 running, 0 failed" in shown.out
    assert "importance: too few trials have finished" in shown.out
    assert len(list(Path("pictures").glob("*.png"))) == 4
    # In a process of its own: TensorFlow cannot be made non-deterministic again.
    subprocess.run(
        [
            sys.executable,
            "-m",
            "kerascnn_pipelines.cli",
            "train",
            "--recipe",
            "best.yaml",
            "--epochs",
            "1",
        ],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        check=True,
        capture_output=True,
    )
    best = load_results("latest").best.run
    again = tracking.load_run("latest")
    for metric in ("validation_accuracy", "validation_loss", "parameters"):
        reached = again.field(metric)
        assert reached is not None
        assert float(reached) == best.metrics[metric], metric
