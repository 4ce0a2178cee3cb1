"""The loop of a search, with a list of trials for an oracle and real processes; none trains."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from kerascnn import tracking
from kerascnn.errors import TrainingError
from kerascnn.recipe import load_recipe
from kerascnn.tuning.plan import Plan
from kerascnn.tuning.processes import start_server
from kerascnn.tuning.progress import View
from kerascnn.tuning.search import FAILURES_IN_A_ROW, Search, number_of
from kerascnn.tuning.slots import Slot
from kerascnn.tuning.space import SpaceSpec
from kerascnn.tuning.spec import SweepSpec

FIGURES = {
    "test_loss": 1.5, "validation_accuracy": 0.5, "parameters": 9, "macs": 9, "best_epoch": 1,
    "trial_seconds": 100.0,
}  # fmt: skip


class Script:
    """An oracle that has so many trials, and notes what it is told."""

    def __init__(self, trials: int):
        self.left = [
            SimpleNamespace(
                trial_id=f"{number:03}", status="RUNNING",
                hyperparameters=SimpleNamespace(values={"model.hidden": "[4]"}),
            )
            for number in range(trials)
        ]  # fmt: skip
        self.asked: list[str] = []
        self.ended: list[tuple[str, str]] = []

    def create_trial(self, tuner_id: str) -> Any:
        self.asked.append(tuner_id)
        return self.left.pop(0) if self.left else SimpleNamespace(status="STOPPED")

    def update_trial(self, trial_id: str, metrics: Any, step: int = 0) -> None:
        pytest.fail("no trial has a score")

    def end_trial(self, trial: Any) -> None:
        self.ended.append((trial.trial_id, trial.status))


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("search")
    start_server()  # in a folder that stays
    with contextlib.chdir(place):
        tracking.check_store()
    return place


@pytest.fixture
def search(
    place: Path, work_in: Callable[[Path], Path], request: pytest.FixtureRequest
) -> Callable[..., tuple[Search, Script, tracking.ActiveSweep, list[str]]]:
    """Makes a search of trials on data that is not there."""
    work_in(place)

    def make(trials: int, *, workers: int = 1, folds: int | None = None, **arguments: Any):
        nowhere = {"name": "folder:/nowhere", "folds": folds}
        recipe = load_recipe({"model": {"name": "mlp"}, "data": nowhere})
        space = SpaceSpec(ranges={"model.hidden": {"choice": [[4], [8]]}})
        plan = Plan(recipe, space, SweepSpec(max_epochs=3))
        sweep = tracking.create_sweep(request.node.name, recipe, plan.to_values(), {})
        lines: list[str] = []
        script = Script(trials)
        slots = [Slot(f"worker{number}", 1, {}) for number in range(workers)]
        found = Search(
            script, sweep, plan, slots, View(plan, report=lines.append),
            tags={"where": "here"}, folder=place, **arguments,
        )  # fmt: skip
        return found, script, sweep, lines

    return make


def _trials(sweep: tracking.ActiveSweep) -> list[tracking.Run]:
    return tracking.trials_of(tracking.load_sweep(sweep.id))


def test_numbers_count_from_one() -> None:
    assert [number_of(trial_id) for trial_id in ("000", "7", "099")] == [1, 8, 100]


def test_an_oracle_that_has_no_trials_ends_the_search(search) -> None:
    found, script, sweep, _ = search(0, workers=2)
    assert found.run() is True
    assert script.asked == ["worker0"], "it is not asked again"
    assert _trials(sweep) == []


def test_trials_that_fail_are_kept_with_their_reasons(search, place: Path) -> None:
    found, script, sweep, lines = search(2)
    assert found.run() is True
    assert script.ended == [("000", "FAILED"), ("001", "FAILED")]
    trials = _trials(sweep)
    assert [trial.status for trial in trials] == ["FAILED", "FAILED"]
    for trial in trials:
        assert trial.tags["error"] == "/nowhere: no such folder"
        assert trial.tags["where"] == "here"
        assert trial.params["model.hidden"] == "[4]"
        assert trial.params["training.threads"] == "1"
    assert (place / "trial-2.log").exists()
    assert sum("failed: /nowhere: no such folder" in line for line in lines) == 2


def test_several_failures_in_a_row_end_the_search(search) -> None:
    found, script, sweep, _ = search(50, workers=2)
    with pytest.raises(
        TrainingError, match=r"^the last 5 trials failed, so the search stops; .*: /nowhere: no suc"
    ):
        found.run()
    assert len(script.ended) == FAILURES_IN_A_ROW
    assert [trial.status for trial in _trials(sweep)] == ["FAILED"] * FAILURES_IN_A_ROW


def test_when_the_time_is_up_what_runs_is_dropped_and_will_run_again(search) -> None:
    found, script, sweep, _ = search(3, workers=2, deadline=time.monotonic() - 1)
    assert found.run() is False
    assert len(script.left) == 1
    assert script.ended == []
    assert _trials(sweep) == [], "their runs are gone"


def test_a_trial_that_the_chief_has_taken_back_is_dropped(search) -> None:
    found, script, sweep, lines = search(1, beat=lambda trial_id: trial_id != "000")
    assert found.run() is True
    assert script.ended == []
    assert _trials(sweep) == []
    assert any("the chief has taken it back" in line for line in lines)


def test_a_fold_that_fails_is_named_and_its_trial_fails(search) -> None:
    found, script, sweep, _ = search(1, folds=2)
    assert found.run() is True
    assert script.ended == [("000", "FAILED")]
    (trial,) = _trials(sweep)
    assert trial.tags["error"] == "fold 1: /nowhere: no such folder"
    (fold,) = tracking.folds_of(trial.id).values()
    assert (fold.status, fold.tags["error"]) == ("FAILED", "/nowhere: no such folder")
    assert (fold.params["data.fold"], fold.tags["where"]) == ("1", "here")


def test_finished_folds_of_a_trial_are_not_trained_again(search) -> None:
    found, script, sweep, lines = search(1, folds=2)
    recipe = found._plan.trial({"model.hidden": "[4]"}, threads=1)
    run = sweep.start_trial(1, recipe, {}, {})
    for number, accuracy in ((1, 0.5), (2, 0.7)):
        fold = sweep.start_fold(run, number, recipe, {})
        fold.log_metrics({"loss": 9.0, "val_accuracy": 0.1}, step=1)
        fold.log_metrics({**FIGURES, "test_accuracy": accuracy})
        sweep.end_trial(fold)
    taken: list[Any] = []
    script.update_trial = lambda trial_id, metrics, step=0: taken.append((trial_id, metrics))
    assert found.run() is True
    assert taken == [("000", {"objective": pytest.approx(0.6)})]
    (trial,) = _trials(sweep)
    assert (trial.id, trial.status) == (run.id, "FINISHED")
    # Student's interval of 0.5 and 0.7: 12.7 times 0.1 on either side.
    assert trial.metrics["folds_accuracy"] == pytest.approx(0.6)
    assert (trial.metrics["folds_accuracy_low"], trial.metrics["folds_accuracy_high"]) == (0, 1)
    assert trial.metrics["folds_loss"] == 1.5
    assert trial.metrics["parameters"] == 9
    assert trial.metrics["validation_accuracy"] == 0.5
    assert 200 < trial.metrics["trial_seconds"] < 300, "those of its folds are counted"
    assert not {"loss", "val_accuracy", "test_accuracy"} & set(trial.metrics)
    assert "trial 1/20  folds_accuracy 60.00%" in lines[-1]
