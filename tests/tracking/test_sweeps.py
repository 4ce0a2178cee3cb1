"""Sweeps and their trials in the store."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from pathlib import Path

import pytest

from kerascnn import tracking
from kerascnn.errors import UserError
from kerascnn.folds import fold_recipe
from kerascnn.recipe import load_recipe
from kerascnn.tracking.removal import delete, deleted_runs
from kerascnn.tracking.runs import Run
from kerascnn.tracking.sweeps import FULL, SWEEP

RECIPE = load_recipe({"model": {"name": "mlp"}, "data": {"name": "digits"}})
FOLDED = load_recipe(RECIPE, ["data.folds=3"])
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


@pytest.fixture(scope="module")
def folded_place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("folded")


@pytest.fixture
def trial(
    folded_place: Path, work_in: Callable[[Path], Path], request: pytest.FixtureRequest
) -> tuple[tracking.ActiveSweep, tracking.ActiveRun, list[str]]:
    """A sweep with a trial that has three folds: finished, finished, being trained."""
    work_in(folded_place)
    sweep = tracking.create_sweep(request.node.name, FOLDED, VALUES, {})
    run = sweep.start_trial(4, FOLDED, {"code": "c"}, {})
    folds = []
    for number in (1, 2, 3):
        fold = sweep.start_fold(run, number, fold_recipe(FOLDED, number), {"code": "c"})
        if number < 3:
            fold.log_metrics({"test_accuracy": number / 10})
            sweep.end_trial(fold)
        folds.append(fold.id)
    return sweep, run, folds


def test_folds_are_nested_in_their_trial(trial) -> None:
    sweep, run, folds = trial
    found = tracking.folds_of(run.id)
    assert [found[number].id for number in (1, 2, 3)] == folds
    assert [found[number].status for number in (1, 2, 3)] == ["FINISHED", "FINISHED", "RUNNING"]
    assert found[2].name == f"{sweep.name}-4-fold-2"
    assert found[2].recipe == fold_recipe(FOLDED, 2)
    assert found[2].tags["code"] == "c"
    assert tracking.list_runs() == []
    assert len(tracking.trials_of(tracking.load_sweep(sweep.id))) == 1


def test_a_trial_that_was_cut_off_keeps_its_finished_folds(trial) -> None:
    sweep, run, folds = trial
    sweep.forget_trial(run.id)
    (kept,) = tracking.trials_of(tracking.load_sweep(sweep.id))
    assert (kept.id, kept.status) == (run.id, "KILLED")
    assert {fold.id for fold in tracking.folds_of(run.id).values()} == set(folds[:2])
    again = load_recipe(FOLDED, ["training.threads=2"])  # its share of another machine
    assert sweep.take_up_trial(3, again) is None
    taken, done = sweep.take_up_trial(4, again)
    assert (taken.id, taken.name) == (run.id, f"{sweep.name}-4")
    assert {number: fold.metrics["test_accuracy"] for number, fold in done.items()} == {
        1: 0.1,
        2: 0.2,
    }
    assert tracking.read_run(run.id).status == "RUNNING"
    sweep.end_trial(taken)
    sweep.forget_trial(run.id, [])  # by a worker that had it before, and is late
    assert tracking.read_run(run.id).status == "FINISHED"


def test_a_trial_without_a_finished_fold_goes(trial) -> None:
    sweep, run, folds = trial
    sweep.forget_trial(run.id, folds)
    assert tracking.trials_of(tracking.load_sweep(sweep.id)) == []
    assert tracking.folds_of(run.id) == {}


def test_folds_of_another_recipe_are_not_taken_up(trial) -> None:
    sweep, run, _ = trial
    assert sweep.take_up_trial(4, load_recipe(FOLDED, ["training.batch_size=7"])) is None
    assert tracking.trials_of(tracking.load_sweep(sweep.id)) == []
    assert tracking.folds_of(run.id) == {}


def test_a_sweep_goes_with_its_trials_and_their_folds(trial) -> None:
    sweep, run, folds = trial
    sweep.end_trial(run)
    with sweep.running():
        pass
    delete([tracking.load_sweep(sweep.id)])
    assert {found.id for found in deleted_runs()} >= {sweep.id, run.id, *folds}
