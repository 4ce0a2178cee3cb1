"""MLflow's system metrics in a run of ours."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from kerascnn import tracking
from kerascnn.recipe import load_recipe
from kerascnn.tracking.system_metrics import SYSTEM


def test_a_run_has_them_while_it_lasts(workplace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_SYSTEM_METRICS_SAMPLING_INTERVAL", "0.1")
    with tracking.start_run(load_recipe("digits-quick"), "watched", {}, {}) as active:
        active.log_epoch({"loss": 1.0}, 0)
        time.sleep(1)
    run = tracking.load_run("watched")
    assert 0 <= run.metrics[f"{SYSTEM}cpu_utilization_percentage"] <= 100
    assert run.metrics[f"{SYSTEM}system_memory_usage_megabytes"] > 100
    assert set(run.history) == {"loss"}


def test_a_short_run_has_none(workplace: Path) -> None:
    with tracking.start_run(load_recipe("digits-quick"), "short", {}, {}) as active:
        active.log_epoch({"loss": 1.0}, 0)
    assert set(tracking.load_run("short").metrics) == {"loss"}
