"""Stores are read from their file as MLflow's client reads them."""

from __future__ import annotations

import contextlib
import math
import pickle
import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from mlflow.entities import Metric
from mlflow.tracking import MlflowClient

from kerascnn import tracking
from kerascnn.errors import UserError
from kerascnn.recipe import load_recipe
from kerascnn.tracking import reading
from kerascnn.tracking.folds import fold_tags
from kerascnn.tracking.reading import (
    ClientReader,
    DatabaseReader,
    Reader,
    StoredModel,
    StoredRun,
    open_reader,
)
from kerascnn.tracking.runs import KIND
from kerascnn.tracking.store import EXPERIMENT, open_client

DATABASE = Path("mlruns", "mlflow.db")
KINDS = (None, "sweep", "trial", "fold")
ODD = {"metric": math.nan, "large": math.inf, "small": -math.inf, "whole": 3.0, "Metric": 5e-324}


def _own_client() -> MlflowClient:
    client = open_client(create=True)
    assert client is not None
    return client


@pytest.fixture(scope="module")
def stored_place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A working directory with runs of all kinds, whole ones, odd ones and deleted ones."""
    place = tmp_path_factory.mktemp("stored")
    recipe = load_recipe("digits-quick")
    with contextlib.chdir(place):
        with tracking.start_run(recipe, "whole", {"note": "ü"}, {"parameters": 5}) as run:
            for epoch in range(12):
                run.log_epoch({"loss": 1 / (epoch + 1), "val_loss": epoch / 7}, epoch)
            run.log_metrics({"loss": 0.25, "test_accuracy": 0.9}, step=12)
        client = _own_client()
        experiment = client.get_experiment_by_name(EXPERIMENT)
        assert experiment is not None
        number = experiment.experiment_id
        values = {"recipe": recipe.model_dump(mode="json"), "space": {}, "sweep": {}}
        sweep = tracking.create_sweep("sweep", recipe, values, {})
        for trial_number in (1, 2):
            trial = sweep.start_trial(trial_number, recipe, {}, {"space": "x"})
            trial.log_metrics({"objective": 0.5 / trial_number})
            sweep.end_trial(trial, error="no memory" if trial_number == 2 else None)
        for fold in (1, 2):
            client.create_run(number, tags=fold_tags(run.id, fold), run_name=f"fold-{fold}")
        long = {
            "text": "x" * 8000,
            "lines": "a\nb",
            "empty": "",
            "MLFLOW.x": "kept",
            "mlflow.x": "1",
        }
        odd = client.create_run(number, start_time=5, tags=long, run_name="odd").info.run_id
        client.log_batch(odd, [Metric(name, value, 1, 2) for name, value in ODD.items()])
        for name in ("same time, one", "same time, two"):
            client.create_run(number, start_time=7, run_name=name)
        for name, kind in (("gone", None), ("gone fold", "fold")):
            made = client.create_run(number, run_name=name, tags={KIND: kind} if kind else {})
            client.delete_run(made.info.run_id)
        for name in ("model", "deleted model"):
            model = client.create_logged_model(number, name, source_run_id=odd)
            client.set_tag(odd, name, model.model_id)
        client.delete_logged_model(model.model_id)
        client.create_registered_model("registered")
        client.create_run(client.create_experiment("another"), run_name="of another experiment")
        with sqlite3.connect(DATABASE) as connection:
            connection.execute("UPDATE runs SET name = '' WHERE run_uuid = ?", [odd])
        connection.close()
    return place


@pytest.fixture
def readers(stored_place: Path, work_in: Callable[[Path], Path]) -> tuple[Reader, Reader]:
    """Both ways of reading that store."""
    work_in(stored_place)
    return DatabaseReader(stored_place / DATABASE), ClientReader(_own_client())


def _plain(run: StoredRun) -> dict[str, Any]:
    """All of a run, in its order; NaN as text, as it equals nothing."""
    lists = {name: list(map(str, getattr(run, name).items())) for name in ("params", "tags")}
    metrics = [(name, repr(value)) for name, value in run.metrics.items()]
    return {**vars(run), **lists, "metrics": metrics}


def test_both_ways_give_the_same_runs(readers: tuple[Reader, Reader]) -> None:
    seen: list[str] = []
    for kind in KINDS:
        for deleted in (False, True):
            ours, theirs = (reader.runs({KIND: kind}, deleted=deleted) for reader in readers)
            assert list(map(_plain, ours)) == list(map(_plain, theirs))
            seen += [run.name for run in ours]
            for run in ours:
                assert (
                    _plain(run) == _plain(readers[0].run(run.id)) == _plain(readers[1].run(run.id))
                )
                for metric in run.metrics:
                    ours_, theirs_ = (reader.history(run.id, metric) for reader in readers)
                    assert list(map(repr, ours_)) == list(map(repr, theirs_))
    assert sorted(seen) == [
        "fold-1", "fold-2", "gone", "gone fold", "odd", "same time, one", "same time, two",
        "sweep", "sweep-1", "sweep-2", "whole",
    ]  # fmt: skip
    parent = {"mlflow.parentRunId": tracking.load_sweep("sweep").id, KIND: "trial"}
    ours, theirs = (reader.runs(parent, deleted=False) for reader in readers)
    assert [run.name for run in ours] == [run.name for run in theirs] == ["sweep-2", "sweep-1"]


def test_what_is_odd_is_read_as_it_is(readers: tuple[Reader, Reader]) -> None:
    (odd,) = (run for run in readers[0].runs({KIND: None}, deleted=False) if run.name == "odd")
    assert math.isnan(odd.metrics["metric"])
    assert odd.metrics["Metric"] == 5e-324
    assert len(odd.tags["text"]) == 8000
    assert "mlflow.x" not in odd.tags
    assert {"lines", "empty", "MLFLOW.x"} <= set(odd.tags)
    for reader in readers:
        model = reader.model(odd.tags["model"])
        assert isinstance(model, StoredModel)
        assert model.model_id in model.artifact_location
        assert reader.model(odd.tags["deleted model"]) is None
        assert reader.model("m-nothing") is None
    assert readers[0].model(odd.tags["model"]) == readers[1].model(odd.tags["model"])


def test_values_are_read_for_runs_together_and_when_they_are_asked_for(
    readers: tuple[Reader, Reader], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "_TOGETHER", 2)
    asked: list[tuple[str, list[str]]] = []
    read = DatabaseReader._values

    def noted(reader: DatabaseReader, table: str, run_ids: list[str]) -> dict[str, dict[str, Any]]:
        asked.append((table, run_ids))
        return read(reader, table, run_ids)

    monkeypatch.setattr(DatabaseReader, "_values", noted)
    runs = readers[0].runs({KIND: None}, deleted=False)
    assert len(runs) == 4
    assert not asked
    assert runs[0].params["model.name"] == "lenet5"
    assert len(runs[1].params) == 0
    assert asked == [("params", [runs[0].id, runs[1].id])]
    # Further down a name is read of all runs, until everything is asked for.
    (odd,) = (run for run in runs[2:] if run.name == "odd")
    assert odd.tags["empty"] == ""
    assert odd.metrics["whole"] == 3
    assert math.isnan(odd.metrics["metric"])
    assert "mlflow.x" not in odd.tags
    assert "no such" not in odd.tags
    assert asked[1:] == []
    assert len(odd.tags) > 3
    assert asked[1:] == [("tags", [run.id for run in runs[2:4]])]


def test_a_run_goes_to_another_process_as_what_it_holds(readers: tuple[Reader, Reader]) -> None:
    run = tracking.load_run("whole")
    copy = pickle.loads(pickle.dumps(run))
    assert copy == run
    assert type(copy.metrics) is dict


def test_the_file_is_read_where_its_revision_is_known(
    readers: tuple[Reader, Reader], monkeypatch: pytest.MonkeyPatch
) -> None:
    # Fails where MLflow has changed its tables: compare them, then raise reading.REVISION.
    assert isinstance(open_reader(), DatabaseReader)
    names = [run.name for run in tracking.list_runs()]
    monkeypatch.setattr(reading, "REVISION", "another")
    assert isinstance(open_reader(), ClientReader)
    assert [run.name for run in tracking.list_runs()] == names
    monkeypatch.undo()
    monkeypatch.setenv("MLFLOW_ENABLE_WORKSPACES", "true")
    assert not DatabaseReader(DATABASE.resolve()).is_known()


def test_an_unknown_id_is_told_in_mlflows_words(readers: tuple[Reader, Reader]) -> None:
    with pytest.raises(UserError, match="cannot use the tracking store .*Run with id=0 not found"):
        tracking.read_run("0")


def test_what_a_killed_writer_has_left_half_done_is_taken_back(
    stored_place: Path, tmp_path: Path, work_in: Callable[[Path], Path]
) -> None:
    work_in(stored_place)
    before = [run.name for run in DatabaseReader(DATABASE.resolve()).runs({}, deleted=False)]
    shutil.copytree(stored_place / "mlruns", tmp_path / "first" / "mlruns")
    database = tmp_path / "first" / "mlruns" / "mlflow.db"
    with contextlib.closing(sqlite3.connect(database, isolation_level=None)) as writer:
        writer.execute("PRAGMA cache_size = 1")  # pages go to the file before the end
        writer.execute("BEGIN")
        writer.execute("UPDATE runs SET name = 'half done'")
        writer.execute("UPDATE tags SET value = 'half done'")
        shutil.copytree(database.parent, tmp_path / "second" / "mlruns")
        writer.execute("ROLLBACK")
    journal = tmp_path / "second" / "mlruns" / "mlflow.db-journal"
    assert journal.exists()
    work_in(tmp_path / "second")
    found = DatabaseReader(DATABASE.resolve()).runs({}, deleted=False)
    assert [run.name for run in found] == before
    assert {run.tags.get("text", "")[:9] for run in found} == {"", "xxxxxxxxx"}
    assert not journal.exists()


def test_a_writer_that_does_not_end_is_named(
    tmp_path: Path, work_in: Callable[[Path], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    work_in(tmp_path)
    tracking.check_store()
    shutil.rmtree(tmp_path / "mlruns" / "artifacts", ignore_errors=True)
    monkeypatch.setattr(reading, "_PATIENCE", 0.1)
    with contextlib.closing(sqlite3.connect(DATABASE, isolation_level=None)) as writer:
        writer.execute("BEGIN EXCLUSIVE")
        with pytest.raises(UserError, match="another process has kept it locked for too long"):
            tracking.list_runs()


def test_a_damaged_file_is_told_at_once(tmp_path: Path, work_in: Callable[[Path], Path]) -> None:
    work_in(tmp_path)
    tracking.check_store()
    database = tmp_path / DATABASE
    content = bytearray(database.read_bytes())
    content[100:] = b"\xff" * (len(content) - 100)
    database.write_bytes(content)
    with pytest.raises(UserError, match=r"cannot use the tracking store .*mlflow\.db: it is "):
        tracking.list_runs()
