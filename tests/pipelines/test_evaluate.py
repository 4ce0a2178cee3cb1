"""`kerascnn evaluate`, as a user sees it."""

from __future__ import annotations

import re

import pytest

from kerascnn import tracking


def test_evaluate_scores_every_example_and_agrees_with_training(trained, kerascnn) -> None:
    done = kerascnn("evaluate", "first", "--per-class")
    assert done.code == 0, done.err
    assert done.err == ""
    assert "split      test, 270 images, every one scored" in done.out
    accuracy = tracking.load_run("first").metrics["test_accuracy"]
    assert f"top-1      {accuracy:.2%}  (95% Wilson interval" in done.out
    assert re.search(r"top-5      \d", done.out)
    assert len(re.findall(r"^\d +2[678] ", done.out, re.MULTILINE)) == 10
    assert "validation, 153 images" in kerascnn("evaluate", "first", "--split", "validation").out
    done = kerascnn("evaluate", "first", "--split", "tset")
    assert done.code == 2
    assert "unknown split 'tset': did you mean test" in done.err


def test_the_latest_run_by_its_id_and_without_rows_of_classes(trained, kerascnn) -> None:
    run = tracking.load_run("latest")
    by_name, by_id = kerascnn("evaluate", "latest"), kerascnn("evaluate", run.id[:12])
    assert by_name == by_id
    lines = by_name.out.splitlines()
    assert [line.split()[0] for line in lines] == ["run", "split", "top-1", "top-5", "loss"]
    assert lines[0] == f"run        second ({run.id[:8]}), FINISHED"
    assert lines[-1] == f"loss       {run.metrics['test_loss']:.4f}"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["frist"], "unknown run 'frist': did you mean first"),
        ([], "Missing argument 'RUN'"),
        (["first", "--splt", "test"], "unknown option '--splt': did you mean --split"),
    ],
)
def test_mistakes_are_one_line(trained, kerascnn, arguments: list[str], message: str) -> None:
    done = kerascnn("evaluate", *arguments)
    assert done.code == 2
    assert message in done.err
    assert done.err.count("\n") == 1
