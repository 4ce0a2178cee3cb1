"""Runs that go: hidden first, then removed with all that they left; others stay untouched."""

from __future__ import annotations

from pathlib import Path

import pytest

from kerascnn import tracking
from kerascnn.errors import UserError
from kerascnn.recipe import load_recipe
from kerascnn.tracking.removal import delete, deleted_runs, remove
from kerascnn.tracking.store import open_client
from tests.tuning.stored import store_sweep


def tracked(name: str) -> tracking.Run:
    recipe = load_recipe({"model": {"name": "mlp"}, "data": {"name": "digits"}})
    with tracking.start_run(recipe, name, {}, {}) as run:
        run.log_metrics({"loss": 0.5})
    return tracking.load_run(name)


def test_a_deleted_run_can_be_brought_back_until_it_is_removed(workplace: Path) -> None:
    gone, kept = tracked("gone"), tracked("kept")
    delete([gone])
    assert [run.name for run in tracking.list_runs()] == ["kept"]
    assert [(run.name, run.id) for run in deleted_runs()] == [("gone", gone.id)]
    client = open_client(create=False)
    assert client is not None
    client.restore_run(gone.id)
    assert tracking.load_run("gone").recipe == gone.recipe
    delete([gone])
    folder = gone.artifact_folder
    assert folder is not None
    assert folder.is_dir()
    remove(deleted_runs())
    assert deleted_runs() == []
    assert not folder.parent.exists()
    assert kept.artifact("recipe.yaml").is_file()


def test_what_others_have_deleted_in_the_store_is_theirs(workplace: Path) -> None:
    """`mlflow gc` would remove their experiment."""
    run = tracked("mine")
    client = open_client(create=False)
    assert client is not None
    experiment = client.create_experiment("of somebody else")
    theirs = client.create_run(experiment).info.run_id
    client.delete_run(theirs)
    client.delete_experiment(experiment)
    delete([run])
    remove(deleted_runs())
    client.restore_experiment(experiment)
    assert client.get_run(theirs).info.run_id == theirs


def test_a_sweep_goes_with_its_trials(workplace: Path) -> None:
    store_sweep()
    winner = tracked("winner")
    sweep = tracking.load_sweep("wide")
    with pytest.raises(UserError, match="^wide is running"):
        delete([sweep])
    with tracking.ActiveSweep(sweep.id, sweep.name).running():
        pass
    sweep = tracking.load_sweep("wide")
    trials = tracking.trials_of(sweep)
    delete([sweep])
    assert tracking.list_sweeps() == []
    assert {run.id for run in deleted_runs()} == {sweep.id, *(trial.id for trial in trials)}
    remove(deleted_runs())
    assert deleted_runs() == []
    assert tracking.list_runs()[0].id == winner.id
    store_sweep()  # the name is free again


def test_a_run_that_is_running_is_not_deleted(workplace: Path) -> None:
    done = tracked("done")
    recipe = done.recipe
    with tracking.start_run(recipe, "busy", {}, {}):
        with pytest.raises(UserError, match="^busy is running: end it first$"):
            delete([done, tracking.load_run("busy")])
        assert len(tracking.list_runs()) == 2


def test_a_tracking_server_removes_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    with pytest.raises(UserError, match="'mlflow gc' there does"):
        remove([])
