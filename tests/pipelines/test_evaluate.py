"""`kerascnn evaluate`, as a user sees it."""

from __future__ import annotations

import csv
import json
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from kerascnn import tracking
from kerascnn.data import digits


def test_evaluate_scores_every_example_and_agrees_with_training(trained, kerascnn) -> None:
    done = kerascnn("evaluate", "first", "--per-class")
    assert done.code == 0, done.err
    assert done.err == ""
    assert "split      test, 270 images, every one scored" in done.out
    accuracy = tracking.load_run("first").metrics["test_accuracy"]
    assert f"top-1      {accuracy:.2%}  (95% Wilson interval" in done.out
    assert re.search(r"top-5      \d", done.out)
    assert len(re.findall(r"^\d +2[678] ", done.out, re.MULTILINE)) == 10
    assert re.search(r"^guessing   always answering '\d' gets 10\.\d\d%$", done.out, re.MULTILINE)
    assert re.search(r"^F1, macro mean +9\d\.\d\d%  \d\d\.\d\d% to \d\d", done.out, re.MULTILINE)
    assert "validation, 153 images" in kerascnn("evaluate", "first", "--split", "validation").out
    done = kerascnn("evaluate", "first", "--split", "tset")
    assert done.code == 2
    assert "unknown split 'tset': did you mean test" in done.err


def test_the_latest_run_by_its_id_and_without_rows_of_classes(trained, kerascnn) -> None:
    run = tracking.load_run("latest")
    by_name, by_id = kerascnn("evaluate", "latest"), kerascnn("evaluate", run.id[:12])
    assert by_name == by_id
    lines = by_name.out.splitlines()
    assert [line.split()[0] for line in lines[:6]] == [
        "run", "split", "top-1", "top-5", "loss", "guessing",
    ]  # fmt: skip
    assert lines[0] == f"run        second ({run.id[:8]}), FINISHED"
    assert lines[4] == f"loss       {run.metrics['test_loss']:.4f}"


def test_what_is_printed_is_kept_in_the_run_too(trained, kerascnn) -> None:
    done = kerascnn("evaluate", "second", "--split", "validation")
    run = tracking.load_run("second")
    kept = done.out.splitlines()[-1].removeprefix("kept in the run: ").split(", ")
    assert all(run.has(name) for name in kept)
    figures = json.loads(run.artifact("scores_validation.json").read_text())["figures"]
    values = {(row["class"], row["figure"]): row["value"] for row in figures}
    assert values["", "accuracy"] == pytest.approx(run.metrics["validation_accuracy"])
    assert values["", "log_loss"] == pytest.approx(run.metrics["validation_loss"], rel=1e-5)
    with run.artifact("scores_validation.csv").open() as file:
        assert len(list(csv.DictReader(file))) == len(figures)


def test_a_committee_stands_beside_its_members(trained, kerascnn) -> None:
    done = kerascnn("evaluate", "first", "second", "first")
    rows = [line.split() for line in done.out.splitlines()[3:]]
    assert [row[0] for row in rows] == ["first", "second", "first", "committee"]
    accuracy = [tracking.load_run(name).metrics["test_accuracy"] for name in ("first", "second")]
    assert [row[1] for row in rows[:2]] == [f"{value:.2%}" for value in accuracy]
    assert float(rows[3][3].rstrip("%")) >= 100 * min(accuracy)


def test_other_views_and_the_share_that_is_answered(trained, kerascnn, tmp_path: Path) -> None:
    out = tmp_path / "coverage.png"
    done = kerascnn("evaluate", "first", "--tta", "flips", "--coverage", "0.99", "--out", out)
    assert done.code == 0, done.err
    assert "every one scored, views: flips" in done.out
    assert "kept in the run" not in done.out
    found = re.search(r"at least (0\.\d+) confidence: (\d+\.\d\d)% right on the val", done.out)
    assert found is not None
    assert float(found[2]) >= 99
    assert f"kerascnn predict first FILES --unknown-below {found[1]}\n" in done.out
    assert out.stat().st_size > 5000


def test_other_data_is_matched_by_the_names_of_its_classes(trained, kerascnn, tmp_path) -> None:
    """Two digits as files, upside down in the alphabet, and one class that is none."""
    pixels, labels = digits.read()
    for name, digit in (("7", 7), ("1", 1), ("sun", 0)):
        (tmp_path / name).mkdir()
        for number in np.flatnonzero(labels == digit)[:12]:
            large = np.kron(pixels[number, ..., 0], np.ones((4, 4), np.uint8))
            Image.fromarray(large).save(tmp_path / name / f"{number}.png")
    done = kerascnn("evaluate", "first", "--data", f"folder:{tmp_path}")
    assert done.code == 0, done.err
    assert "left out: 12 images of classes that the model does not know: sun" in done.out
    assert "has no images of 0, 2, 3, 4, 5, 6, 8, 9" in done.out
    assert "split      all, 24 images" in done.out
    accuracy = re.search(r"top-1 +(\d+\.\d\d)%", done.out)
    assert accuracy is not None
    assert float(accuracy[1]) > 80  # it knows them, drawn in another way


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["first", "--tta", "flip"], "unknown test-time augmentation 'flip': did you mean flips"),
        (["first", "--data", "mnsit"], "unknown data set 'mnsit': did you mean mnist"),
        (["first", "--coverage", "2"], "'--coverage': 2.0 is not in the range 0<x<=1"),
        (["first", "--coverage", "0.9", "--out", "x.xyz"], "--out x.xyz: must end in .png"),
        (["frist"], "unknown run 'frist': did you mean first"),
        ([], "Missing argument 'RUN...'"),
        (["first", "--splt", "test"], "unknown option '--splt': did you mean --split"),
    ],
)
def test_mistakes_are_one_line(trained, kerascnn, arguments: list[str], message: str) -> None:
    done = kerascnn("evaluate", *arguments)
    assert done.code == 2
    assert message in done.err
    assert done.err.count("\n") == 1
