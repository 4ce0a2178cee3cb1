"""Sweeps and their trials in the store."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from pathlib import Path

import pytest

from kerascnn import tracking
from kerascnn.errors import UserError
from kerascnn.recipe import load_recipe
from kerascnn.tracking.runs import Run
from kerascnn.tracking.sweeps import FULL, SWEEP

RECIPE = load_recipe({"model": {"name": "mlp"}, "data": {"name": "digits"}})
SMALLER = load_recipe(RECIPE, ["training.batch_size=7"])
VALUES = {"recipe": {"a": 1}, "space": {"b": [1, 2]}, "sweep": {"c": None}}


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A working directory with the sweep "first", which has ended."""
    place = tmp_path_factory.mktemp("sweeps")
    with contextlib.chdir(place):
        sweep = tracking.create_sweep("first", RECIPE, VALUES, {"data": "d"})
        with sweep.running():
            for number, error in ((2, None), (1, "x" * 5000), (3, None)):
                tags = {FULL: str(number != 3).lower()}
                trial = sweep.start_trial(number, SMALLER, tags, {"extra": number})
                if error is None:
                    trial.log_metrics({"objective": number / 10})
                sweep.end_trial(trial, error=error)
            sweep.log_metrics({"test_accuracy": 0.7})
    return place


@pytest.fixture
def store(place: Path, work_in: Callable[[Path], Path]) -> Path:
    return work_in(place)


def test_a_sweep_is_found_and_no_run_among_others(store: Path) -> None:
    sweep = tracking.load_sweep("first")
    assert tracking.load_sweep("latest").id == tracking.load_sweep(sweep.id[:9]).id == sweep.id
    assert sweep.status == "FINISHED"
    assert sweep.params["model.name"] == "mlp"
    assert sweep.metrics == {"test_accuracy": 0.7}
    assert sweep.tags["data"] == "d"
    assert tracking.list_runs() == []
    with pytest.raises(UserError, match="unknown sweep 'frist': did you mean first.*'kerascnn sw"):
        tracking.load_sweep("frist")


def test_no_sweep_yet(workplace: Path) -> None:
    with pytest.raises(UserError, match="^no sweep 'x': 'kerascnn sweep MODEL DATASET' makes one$"):
        tracking.load_sweep("x")


def test_a_name_is_given_once(store: Path) -> None:
    with pytest.raises(UserError, match="^a sweep named first exists: --resume first continues it"):
        tracking.create_sweep("first", RECIPE, VALUES, {})
    assert len(tracking.list_sweeps()) == 1


def test_what_it_was_started_with_reads_back(store: Path) -> None:
    assert tracking.sweep_file(tracking.load_sweep("first")) == VALUES


def test_trials_come_by_number_with_their_own_recipes(store: Path) -> None:
    trials = tracking.trials_of(tracking.load_sweep("first"))
    assert [trial.name for trial in trials] == ["first-1", "first-2", "first-3"]
    assert [trial.status for trial in trials] == ["FAILED", "FINISHED", "FINISHED"]
    assert [tracking.is_full(trial) for trial in trials] == [True, True, False]
    for number, trial in enumerate(trials, start=1):
        assert trial.params["extra"] == str(number)
        assert trial.params["training.batch_size"] == "7"
        assert trial.recipe == SMALLER
    assert trials[0].tags["error"] == "x" * 4000, "as long as MLflow takes"


@pytest.mark.parametrize(
    ("error", "status"), [(RuntimeError, "FAILED"), (KeyboardInterrupt, "KILLED")]
)
def test_how_a_sweep_ends(store: Path, error: type[BaseException], status: str) -> None:
    sweep = tracking.create_sweep(status, RECIPE, VALUES, {})
    assert tracking.load_sweep(status).status == "RUNNING"
    with pytest.raises(error), sweep.running():
        raise error
    assert tracking.load_sweep(status).status == status
    with sweep.running():
        assert tracking.load_sweep(status).status == "RUNNING"
    assert tracking.load_sweep(status).status == "FINISHED"
    sweep.forget_trial(sweep.id)  # leaves the store as it was


def test_forgotten_trials_are_gone_and_others_sweeps_have_their_own(store: Path) -> None:
    sweep = tracking.create_sweep("second", RECIPE, VALUES, {})
    kept, forgotten = (sweep.start_trial(number, RECIPE, {}, {}) for number in (1, 2))
    sweep.forget_trial(forgotten.id)
    second = tracking.load_sweep("second")
    assert [trial.id for trial in tracking.trials_of(second)] == [kept.id]
    assert len(tracking.trials_of(tracking.load_sweep("first"))) == 3
    sweep.forget_trial(sweep.id)


def test_a_winner_that_was_trained_again_is_a_run_of_its_sweep(store: Path) -> None:
    first = tracking.load_sweep("first")
    assert tracking.retrained(first) == []
    ids = []
    for name in ("older", "newer"):
        with tracking.start_run(RECIPE, name, {}, {}) as run:
            ids.append(run.id)
        sweep = tracking.ActiveSweep(first.id, first.name)
        sweep.tag({SWEEP: first.id, "trial": "2"}, run.id)
    found = tracking.retrained(first)
    assert [run.id for run in found] == ids, "oldest first"
    assert found[0].tags["trial"] == "2"
    for run_id in ids:
        sweep.forget_trial(run_id)


def test_the_ranking_is_of_those_that_have_a_score_full_ones_first() -> None:
    def trial(name: str, status: str, objective: float, full: str = "true") -> Run:
        return Run(name * 32, name, status, 0.0, {}, {"objective": objective}, {FULL: full})

    trials = [
        trial("a", "FINISHED", 0.5),
        trial("b", "FINISHED", 0.9, "false"),
        trial("c", "FINISHED", 0.7),
        trial("d", "FAILED", 0.99),
        trial("e", "FINISHED", float("nan")),
        trial("f", "FINISHED", 0.95, "false"),
        trial("0", "RUNNING", 0.98),
    ]
    names = [run.name for run in tracking.ranked(trials, maximize=True)]
    assert names == ["c", "a", "f", "b"]
    names = [run.name for run in tracking.ranked(trials, maximize=False)]
    assert names == ["a", "c", "b", "f"]
