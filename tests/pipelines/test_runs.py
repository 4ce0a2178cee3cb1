"""`kerascnn runs`, as a user sees it."""

from __future__ import annotations

import csv
import json
from pathlib import Path

from kerascnn import tracking
from kerascnn.checkpoints import checkpoint_of
from kerascnn.recipe import load_recipe


def test_runs_table(trained, kerascnn) -> None:
    rows = kerascnn("runs").out.splitlines()
    assert [row.split()[0] for row in rows] == ["name", "second", "first"]
    rows = kerascnn("runs", "--sort", "training.epochs").out.splitlines()
    assert [row.split()[0] for row in rows[1:]] == ["first", "second"]
    rows = kerascnn("runs", "--filter", "training.epochs<3", "--columns", "tensorflow").out
    assert "first" not in rows
    assert "2." in rows.splitlines()[1]
    assert "1 of 2 runs" in kerascnn("runs", "--limit", "1").out
    done = kerascnn("runs", "--filter", "test_acuracy>0.5")
    assert done.code == 2
    assert "did you mean" in done.err


def test_every_run_has_what_it_was_and_what_it_reached(trained, kerascnn) -> None:
    head, *rows = (row.split() for row in kerascnn("runs", "--reverse").out.splitlines())
    assert head[:6] == ["name", "id", "status", "started", "model.name", "data.name"]
    for name, row in zip(("first", "second"), rows, strict=True):
        run = tracking.load_run(name)
        assert row[:3] == [name, run.id[:8], "FINISHED"]
        assert {"lenet5", "digits", "61706", f"{run.metrics['test_accuracy']:.2%}"} <= set(row)


def test_the_table_as_a_file(trained, kerascnn, tmp_path: Path) -> None:
    files = tmp_path / "runs.csv", tmp_path / "runs.json"
    done = kerascnn(
        "runs", "--sort", "training.epochs", "--limit", 1, "--columns", "training.epochs",
        "--csv", files[0], "--json", files[1],
    )  # fmt: skip
    assert (done.code, done.err) == (0, "")
    assert done.out.endswith(f"table: {files[0]}\ntable: {files[1]}\n")
    with files[0].open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    first = tracking.load_run("first")
    assert [row["name"] for row in rows] == ["first", "second"], "beyond --limit, too"
    assert rows[0]["id"] == first.id
    assert float(rows[0]["test_accuracy"]) == first.metrics["test_accuracy"]
    values = json.loads(files[1].read_text(encoding="utf-8"))
    assert [value["training.epochs"] for value in values] == ["3", "2"]
    assert values[0]["started"] == first.started
    done = kerascnn("runs", "--csv", tmp_path / "none" / "a.csv")
    assert done.code == 2
    assert "there is no folder" in done.err


def test_no_runs_yet(workplace, kerascnn) -> None:
    done = kerascnn("runs")
    assert (done.code, done.err) == (0, "")
    store = workplace / "mlruns" / "mlflow.db"
    assert done.out == f"no runs yet in sqlite:///{store}: 'kerascnn train' makes one\n"


def test_conditions_that_none_meets_leave_the_heading(trained, kerascnn) -> None:
    done = kerascnn("runs", "--filter", "training.epochs>9", "--filter", "status=FINISHED")
    assert done.code == 0
    assert len(done.out.splitlines()) == 1


def test_delete_and_gc(workplace: Path, kerascnn) -> None:
    recipe = load_recipe({"model": {"name": "mlp"}, "data": {"name": "digits"}})
    ids = {}
    for name in ("one", "two"):
        with tracking.start_run(recipe, name, {}, {}) as run:
            ids[name] = run.id
            checkpoint_of(run.id).write({"epoch": 1})
            run.mark_killed()
    assert kerascnn("runs", "gc", "--dry-run").out.splitlines()[-1] == "0 bytes would be freed"
    done = kerascnn("runs", "delete", "one", ids["one"][:6], "thr")
    assert done.code == 2
    assert "unknown run 'thr'" in done.err
    assert len(tracking.list_runs()) == 2, "nothing was deleted"
    done = kerascnn("runs", "delete", "one", ids["one"][:6])
    assert done.out.splitlines() == [
        f"deleted one ({ids['one'][:8]}), KILLED",
        "to free the space: kerascnn runs gc",
    ]
    assert kerascnn("runs").out.splitlines()[1].split()[0] == "two"
    rows = [line.split() for line in kerascnn("runs", "gc").out.splitlines()]
    assert [[row[0], row[1], row[3], row[-1]] for row in rows[1:4]] == [
        ["run", "one", "deleted", "goes"],
        ["checkpoint", "one", "deleted", "goes"],
        ["checkpoint", "two", "KILLED", "stays"],
    ]
    assert rows[-1][0] == "freed"
    assert not checkpoint_of(ids["one"]).path.exists()
    assert not (workplace / "mlruns" / "artifacts" / ids["one"]).exists()
    assert "goes" in kerascnn("runs", "gc", "--older-than", "0").out
    assert kerascnn("runs", "gc").out == "nothing is left over: no deleted runs, no checkpoints\n"
    assert kerascnn("runs", "delete", "two").code == 0
