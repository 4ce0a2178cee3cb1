"""`kerascnn runs`, as a user sees it."""

from __future__ import annotations

from kerascnn import tracking


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


def test_no_runs_yet(workplace, kerascnn) -> None:
    done = kerascnn("runs")
    assert (done.code, done.err) == (0, "")
    store = workplace / "mlruns" / "mlflow.db"
    assert done.out == f"no runs yet in sqlite:///{store}: 'kerascnn train' makes one\n"


def test_conditions_that_none_meets_leave_the_heading(trained, kerascnn) -> None:
    done = kerascnn("runs", "--filter", "training.epochs>9", "--filter", "status=FINISHED")
    assert done.code == 0
    assert len(done.out.splitlines()) == 1
