"""The tracking store: made whole, by many at once, and refused where it cannot be written."""

from __future__ import annotations

import contextlib
import re
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest

from kerascnn import tracking
from kerascnn.errors import UserError
from kerascnn.recipe import load_recipe

WRITER = """
import sys
from kerascnn import tracking
from kerascnn.recipe import load_recipe
with tracking.start_run(load_recipe("digits-quick"), sys.argv[1], {}, {}) as run:
    for step in range(20):
        run.log_metrics({"loss": step, "accuracy": step / 20}, step=step)
"""


@pytest.mark.ci
def test_four_processes_on_a_fresh_store_lose_nothing(workplace: Path) -> None:
    writers = [
        subprocess.Popen([sys.executable, "-c", WRITER, f"w{n}"], stderr=subprocess.PIPE, text=True)
        for n in range(4)
    ]
    for writer in writers:
        _, errors = writer.communicate(timeout=120)
        assert writer.returncode == 0, errors
        assert errors == ""
    runs = tracking.list_runs()
    assert sorted(run.name for run in runs) == ["w0", "w1", "w2", "w3"]
    for run in runs:
        assert run.status == "FINISHED"
        assert run.history["loss"] == list(range(20))


def test_a_kill_while_the_store_is_made_leaves_it_usable(workplace: Path) -> None:
    code = "from kerascnn import tracking; tracking.check_store()"
    maker = subprocess.Popen([sys.executable, "-c", code])
    deadline = time.monotonic() + 60
    while not list(workplace.glob("mlruns/*/mlflow.db")) and time.monotonic() < deadline:
        time.sleep(0.01)
    maker.send_signal(signal.SIGKILL)
    maker.wait()
    tracking.check_store()
    assert tracking.list_runs() == []


def _contents(path: Path) -> tuple[list[tuple[str, ...]], list[str]]:
    """Returns the tables, columns in order, and the rows of a store, without times and places."""
    with contextlib.closing(sqlite3.connect(path)) as connection:
        tables = connection.execute(
            "SELECT m.name, c.* FROM sqlite_master m, pragma_table_info(m.name) c ORDER BY 1, 2"
        ).fetchall()
        others = connection.execute(
            "SELECT type, name, tbl_name FROM sqlite_master ORDER BY 1, 2"
        ).fetchall()
        rows = [line for line in connection.iterdump() if line.startswith("INSERT")]
    numbers = re.compile(r"\d{13}|file:///[^']*")
    return [*tables, *others], [numbers.sub("_", line) for line in rows]


def test_a_second_store_is_made_of_remembered_tables_and_is_the_same(
    workplace: Path, monkeypatch
) -> None:
    monkeypatch.setenv("KERASCNN_CACHE", str(workplace / "cache"))
    found = {}
    for name in ("first", "second"):
        place = workplace / name
        place.mkdir()
        monkeypatch.chdir(place)
        tracking.check_store()
        found[name] = _contents(place / "mlruns" / "mlflow.db")
        with tracking.start_run(load_recipe("digits-quick"), name, {}, {}) as run:
            run.log_metrics({"loss": 1.0}, step=1)
        assert [run.name for run in tracking.list_runs()] == [name]
    assert found["first"] == found["second"]
    assert len(list((workplace / "cache" / "stores").iterdir())) == 1


def test_damaged_tables_are_made_anew(workplace: Path, monkeypatch) -> None:
    monkeypatch.setenv("KERASCNN_CACHE", str(workplace / "cache"))
    tracking.check_store()
    (kept,) = (workplace / "cache" / "stores").iterdir()
    kept.write_bytes(kept.read_bytes().replace(b"CREATE TABLE", b"CREATE  TABLE", 1))
    (workplace / "mlruns" / "mlflow.db").unlink()
    with pytest.warns(UserWarning, match="is damaged: what was kept there is made anew"):
        tracking.check_store()
    assert b"CREATE  TABLE" not in kept.read_bytes()
    assert tracking.list_runs() == []


def test_the_store_is_where_the_readme_says(workplace: Path, monkeypatch) -> None:
    tracking.check_store()
    assert (workplace / "mlruns" / "mlflow.db").exists()
    other = workplace / "other.db"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{other}")
    with pytest.warns(UserWarning, match=r"there was no tracking store at .*other\.db: made one"):
        tracking.check_store()
    assert other.exists()


def test_a_folder_that_cannot_be_written_is_refused(workplace: Path, monkeypatch) -> None:
    (workplace / "mlruns").write_text("a file is in the way")
    with pytest.raises(UserError, match="cannot write runs to .*mlruns"):
        tracking.check_store()
    monkeypatch.chdir("/proc")  # where not even root can make a folder
    with pytest.raises(UserError, match="cannot write runs to /proc/mlruns"):
        tracking.check_store()


def test_a_foreign_database_is_refused(workplace: Path) -> None:
    (workplace / "mlruns").mkdir()
    (workplace / "mlruns" / "mlflow.db").write_text("this is not a database " * 50)
    with pytest.raises(UserError, match="cannot use the tracking store"):
        tracking.check_store()


def test_a_store_whose_package_is_missing(workplace: Path, monkeypatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "postgresql://me:secret@127.0.0.1:1/runs")
    with pytest.raises(
        UserError, match=r"//\*\*\*@127.0.0.1:1/runs: it needs the package 'psycopg"
    ):
        tracking.list_runs()


def test_a_full_disk_is_refused_before_anything_is_lost(small_disk: Path, monkeypatch) -> None:
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    monkeypatch.chdir(small_disk)
    with pytest.raises(UserError, match="No space left on device; free space or set MLFLOW"):
        tracking.check_store()
    assert not list(small_disk.rglob("mlflow.db"))
    monkeypatch.undo()


def test_a_store_that_breaks_during_a_run_is_one_line(workplace: Path) -> None:
    recipe = load_recipe("digits-quick")

    def write() -> None:
        with tracking.start_run(recipe, "broken", {}, {}) as run:
            run.log_metrics({"loss": 1.0}, step=1)
            (workplace / "mlruns" / "mlflow.db").write_bytes(b"no longer a database" * 999)
            run.log_metrics({"loss": 0.5}, step=2)

    with pytest.raises(UserError, match=r"cannot use the tracking store .*mlflow\.db: "):
        write()


def test_everything_is_in_one_database_file(workplace: Path) -> None:
    tracking.check_store()
    assert {path.name for path in (workplace / "mlruns").iterdir()} <= {"mlflow.db", ".mlflow.lock"}
    with sqlite3.connect(workplace / "mlruns" / "mlflow.db") as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    connection.close()
