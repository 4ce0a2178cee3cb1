"""What a sweep keeps at its end."""

from __future__ import annotations

import contextlib
import csv
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from kerascnn import tracking
from kerascnn.tracking import ActiveSweep
from kerascnn.tracking.store import open_client
from kerascnn.tuning import outcome
from kerascnn.tuning.outcome import keep_outcome, ranking_rows
from kerascnn.tuning.results import SweepResults, load_results
from tests.tuning.stored import store_sweep

PICTURES = {"objective.png", "parallel.png", "hyperparameters.png", "costs.png"}


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A working directory with a sweep of its own, which is written to."""
    place = tmp_path_factory.mktemp("outcome")
    with contextlib.chdir(place):
        store_sweep()
    return place


@pytest.fixture
def own(place: Path, work_in: Callable[[Path], Path]) -> SweepResults:
    work_in(place)
    return load_results("wide")


def note_of(results: SweepResults) -> str | None:
    client = open_client(create=True)
    assert client is not None
    return client.get_run(results.run.id).data.tags.get("mlflow.note.content")


def test_the_ranking_the_pictures_and_a_link_are_kept(own: SweepResults) -> None:
    active = ActiveSweep(own.run.id, own.run.name)
    keep_outcome(active, own)
    assert set(own.run.artifacts()) >= {"ranking.csv", "ranking.json", *PICTURES}
    with own.run.artifact("ranking.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [int(row["trial"]) for row in rows] == [trial.number for trial in own.ranking]
    assert float(rows[0]["validation_accuracy"]) == own.best.objective
    assert rows[0]["model.filters"] == own.best.values["model.filters"]
    read = json.loads(own.run.artifact("ranking.json").read_text(encoding="utf-8"))
    assert read == ranking_rows(own)
    note = note_of(own)
    assert note is not None
    assert note.startswith(f"Best of 18 trials, validation_accuracy {own.text(own.best)}: [wide-")
    assert note.endswith(f"/runs/{own.best.run.id})")


def test_a_note_of_somebody_stays(own: SweepResults) -> None:
    active = ActiveSweep(own.run.id, own.run.name)
    active.tag({"mlflow.note.content": "see the paper"})
    active.describe("18 trials", own.best.run)
    assert note_of(own) == "see the paper"


def test_what_cannot_be_drawn_is_left_out(
    own: SweepResults, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*arguments: object) -> None:
        raise ValueError("no room\nat all")

    monkeypatch.setattr(outcome, "draw_sweep", fails)
    again = tracking.create_sweep("again", own.recipe, tracking.sweep_file(own.run), {})
    with pytest.warns(UserWarning, match="the sweep could not be drawn: no room$"):
        keep_outcome(again, own)
    found = tracking.load_sweep("again").artifacts()
    assert set(found) == {"sweep.yaml", "ranking.csv", "ranking.json"}


def test_nothing_is_kept_of_nothing(own: SweepResults) -> None:
    none = tracking.create_sweep("none", own.recipe, tracking.sweep_file(own.run), {})
    keep_outcome(none, load_results("none"))
    assert load_results("none").run.artifacts() == ["sweep.yaml"]
