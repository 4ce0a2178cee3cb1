"""`kerascnn report`, as a user sees it."""

from __future__ import annotations

from pathlib import Path

import pytest

from kerascnn import tracking
from tests.report.reported import store_run


@pytest.fixture
def stored(workplace: Path) -> Path:
    """A working directory that holds the runs "first" and "second", which may be changed."""
    for name in ("first", "second"):
        (workplace / name).mkdir()
        store_run(workplace / name, name)
    return workplace


def test_a_run_keeps_its_report(stored: Path, kerascnn) -> None:
    done = kerascnn("report", "first")
    assert (done.code, done.err) == (0, "")
    kept = tracking.load_run("first").artifact("report.html")
    assert done.out == f"report: {kept.relative_to(stored)}\n"
    assert kept.read_text(encoding="utf-8").startswith("<!doctype html>")
    done = kerascnn("report", "latest", "--out", "mine.html")
    assert (done.code, done.out) == (0, "report: mine.html\n")
    second = tracking.load_run("second").artifact("report.html")
    assert (stored / "mine.html").read_bytes() == second.read_bytes() != kept.read_bytes()


def test_several_runs(stored: Path, kerascnn) -> None:
    done = kerascnn("report", "first", "second")
    assert (done.code, done.out, done.err) == (0, "report: report.html\n", "")
    assert "data.name" in (stored / "report.html").read_text(encoding="utf-8")
    assert not tracking.load_run("first").has("report.html")


def test_a_sweep(wide: Path, kerascnn, tmp_path: Path) -> None:
    done = kerascnn("report", "wide", "--out", tmp_path / "sweep.html")
    assert (done.code, done.out) == (0, f"report: {tmp_path / 'sweep.html'}\n")
    kept = tracking.load_sweep("wide").artifact("report.html")
    assert kept.read_bytes() == (tmp_path / "sweep.html").read_bytes()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["frist"], "unknown run or sweep 'frist': did you mean first?"),
        (["first", "third"], "unknown run 'third'"),
        (["first", "--out", "a.pdf"], "--out a.pdf: must end in .html"),
        (["first", "--out", "none/a.html"], "there is no folder none"),
        ([], "Missing argument 'RUN|SWEEP...'"),
    ],
)
def test_mistakes_are_one_line(trained, kerascnn, arguments: list[str], message: str) -> None:
    done = kerascnn("report", *arguments)
    assert done.code == 2
    assert message in done.err
    assert done.err.count("\n") == 1


def test_a_run_without_predictions(stored: Path, kerascnn) -> None:
    tracking.load_run("first").artifact("predictions_test.parquet").unlink()
    done = kerascnn("report", "first")
    assert done.code == 2
    assert done.err == (
        "Error: run first (FINISHED) has no predictions of its test images: "
        "'kerascnn evaluate first' makes them\n"
    )


def test_an_empty_store(workplace: Path, kerascnn) -> None:
    done = kerascnn("report", "latest")
    assert done.code == 2
    assert "holds no runs yet; 'kerascnn train MODEL DATASET' makes one" in done.err


def test_training_may_end_with_it(workplace: Path, kerascnn) -> None:
    done = kerascnn("train", "linear", "digits", "--epochs", "1", "--name", "mine", "--report")
    assert (done.code, done.err) == (0, "")
    kept = tracking.load_run("mine").artifact("report.html")
    assert done.out.endswith(f"\nreport: {kept.relative_to(workplace)}\n")
    assert "linear on digits" in kept.read_text(encoding="utf-8")
