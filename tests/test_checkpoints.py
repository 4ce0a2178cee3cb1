"""Checkpoints of runs that nobody resumed: bounded, listed, and never one that is in use."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from kerascnn.checkpoints import (
    LONGEST_DAYS,
    checkpoint_of,
    kept_checkpoints,
    remove_old_checkpoints,
    unneeded,
)
from kerascnn.errors import UserError
from kerascnn.experiment import resume
from kerascnn.tracking import Run, load_run

RUN = Run("a" * 32, "a", "KILLED", 0.0, {}, {}, {})


@pytest.fixture
def three(workplace: Path) -> dict[str, float]:
    """Checkpoints of three runs, by their age in days."""
    ages = {"old": LONGEST_DAYS + 1.0, "new": LONGEST_DAYS - 1.0, "busy": LONGEST_DAYS + 2.0}
    for run_id, days in ages.items():
        checkpoint = checkpoint_of(run_id)
        checkpoint.write({"epoch": 1})
        written = time.time() - days * 24 * 60 * 60
        os.utime(checkpoint.path, (written, written))
    return ages


def test_the_oldest_is_listed_first(three: dict[str, float]) -> None:
    kept = kept_checkpoints()
    assert [each.run_id for each in kept] == ["busy", "old", "new"]
    for each in kept:
        assert each.days == pytest.approx(three[each.run_id], abs=0.01)
        assert each.size == checkpoint_of(each.run_id).path.stat().st_size > 0


def test_old_ones_go_with_a_word_and_others_stay(three: dict[str, float]) -> None:
    with (
        checkpoint_of("busy").locked(),
        pytest.warns(match=r"^removed the checkpoints \(.+\) of run that was not resumed within"),
    ):
        remove_old_checkpoints()
    assert [each.run_id for each in kept_checkpoints()] == ["busy", "new"]
    assert not checkpoint_of("old").path.parent.exists()


def test_who_needs_one(three: dict[str, float]) -> None:
    _busy, old, new = kept_checkpoints()
    assert unneeded(old, RUN)
    assert not unneeded(old, RUN, LONGEST_DAYS + 1.5)
    assert not unneeded(new, RUN)
    assert not unneeded(new, None), "it may be of another store"
    assert unneeded(new, RUN, 0)
    assert unneeded(new, replace(RUN, status="FINISHED"))


def test_there_need_be_none(workplace: Path) -> None:
    assert kept_checkpoints() == []
    remove_old_checkpoints()


def test_they_lie_where_the_variable_says(
    three: dict[str, float], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KERASCNN_CHECKPOINTS", "shared/checkpoints")
    checkpoint_of("far").write({"epoch": 1})
    assert checkpoint_of("far").path.is_relative_to(tmp_path / "shared" / "checkpoints")
    assert [each.run_id for each in kept_checkpoints()] == ["far"]
    monkeypatch.setenv("KERASCNN_CHECKPOINTS", "~nobody-of-that-name/checkpoints")
    with pytest.raises(UserError, match="nobody-of-that-name"):
        checkpoint_of("far")
    monkeypatch.setenv("KERASCNN_CHECKPOINTS", "")
    assert len(kept_checkpoints()) == 3


@pytest.mark.ci
def test_another_machine_resumes(workplace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another working directory, on the same store, stands for it."""
    monkeypatch.setenv("KERASCNN_CHECKPOINTS", str(workplace / "shared"))
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{workplace / 'mlflow.db'}")
    started = subprocess.Popen(
        [sys.executable, "-m", "kerascnn_pipelines.cli", "train", "mlp", "digits",
         "--epochs", "100000", "--name", "far", "--precision", "float32"],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        deadline = time.monotonic() + 120
        while not kept_checkpoints():
            assert started.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.1)
    finally:
        started.kill()
        started.wait()
    elsewhere = workplace / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    seen: list[str] = []
    run = load_run("far")
    checkpoint = checkpoint_of(run.id)
    state = checkpoint.read()
    state["recipe"]["training"]["epochs"] = state["epoch"] + 1
    checkpoint.write(state)
    trained = resume(run, report=seen.append)
    assert any(f"goes on after epoch {state['epoch']}" in line for line in seen)
    assert trained.run.status == "FINISHED"
    assert not (elsewhere / "mlruns" / "checkpoints").exists()
    assert kept_checkpoints() == []
