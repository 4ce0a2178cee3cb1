"""--experiment, its variable, and --tag."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from kerascnn import tracking

TRAIN = ("train", "linear", "digits", "--epochs", 1)


def test_an_experiment_has_its_own_runs(
    workplace: Path, kerascnn, monkeypatch: pytest.MonkeyPatch
) -> None:
    done = kerascnn(*TRAIN, "--name", "a", "--experiment", "birds", "--tag", "team=vision")
    assert done.code == 0
    assert not os.environ.get("MLFLOW_EXPERIMENT_NAME")
    assert "no runs yet" in kerascnn("runs").out
    monkeypatch.setenv("MLFLOW_EXPERIMENT_NAME", "birds")
    rows = kerascnn("runs", "--columns", "team").out.splitlines()
    assert rows[1].split()[0] == "a"
    assert rows[1].split()[-1] == "vision"
    assert tracking.load_run("latest").name == "a"
    monkeypatch.setenv("MLFLOW_EXPERIMENT_NAME", "fish")
    done = kerascnn("evaluate", "a")
    assert done.code == 2
    assert "holds no runs of the experiment 'fish' yet" in done.err


@pytest.mark.parametrize("command", ["train", "sweep"])
def test_what_cannot_be_is_refused_first(workplace: Path, kerascnn, command: str) -> None:
    done = kerascnn(command, "linear", "digits", "--experiment", " ")
    assert done.code == 2
    assert done.err.startswith("Error: name: got ' '")
    done = kerascnn(command, "linear", "digits", "--tag", "team")
    assert done.code == 2
    assert done.err.startswith("Error: --tag: got 'team', must be KEY=VALUE")
    assert not list(workplace.iterdir())
