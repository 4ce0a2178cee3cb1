"""`kerascnn stress`, as a user sees it."""

from __future__ import annotations

import csv

import pytest

from kerascnn import tracking


def test_a_run_under_rotation(trained, kerascnn, tmp_path) -> None:
    out = tmp_path / "out"
    done = kerascnn("stress", "first", "--kind", "rotation", "--out", out)
    assert done.code == 0, done.err
    assert done.err == ""
    run = tracking.load_run("first")
    lines = done.out.splitlines()
    assert lines[0] == "test: 270 images"
    plain = next(line for line in lines if line.startswith("none"))
    assert f" {run.metrics['test_accuracy']:.2%} " in plain  # no distortion: as evaluated
    assert sum(" to " in line for line in lines) == 6
    names = [f"stress_test_rotation{end}" for end in (".csv", ".png", "_layers.png")]
    assert f"in the run: {', '.join(names)}" in done.out
    for name in names:
        assert run.artifact(name).read_bytes() == (out / name).read_bytes()
    with (out / names[0]).open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["strength"] for row in rows] == ["", "10", "20", "30", "45", "60"]
    assert float(rows[0]["accuracy"]) > float(rows[-1]["accuracy"])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["first", "--kind", "rotate"], "unknown distortion 'rotate': did you mean rotation"),
        (["first", "--split", "tset"], "unknown split 'tset': did you mean test"),
        (["first", "--images", "1"], "1 is not in the range"),
        (["frist"], "unknown run 'frist': did you mean first"),
        (["first", "--out", "gone/out"], "--out: cannot make gone/out: there is no folder gone"),
    ],
)
def test_mistakes_are_one_line(trained, kerascnn, arguments: list[str], message: str) -> None:
    done = kerascnn("stress", *arguments)
    assert done.code == 2
    assert message in done.err
    assert done.err.count("\n") == 1
