"""`kerascnn compare`, as a user sees it."""

from __future__ import annotations

import contextlib
import csv
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from tests.report.stored import predictions, store_run


def test_compare_shows_only_what_differs(trained, kerascnn, tmp_path) -> None:
    done = kerascnn("compare", "first", "second", "--out", tmp_path / "curves.png")
    assert done.code == 0, done.err
    assert re.search(r"training.epochs +3 +2", done.out)
    assert "training.seed" not in done.out
    assert re.search(r"test_accuracy +\d\d\.\d\d% +\d\d\.\d\d%", done.out)
    pictures = ["curves.png", "curves_disagreements.png", "curves_pareto.png"]
    assert sorted(path.name for path in tmp_path.iterdir()) == pictures
    for name in pictures:
        with Image.open(tmp_path / name) as image:
            assert image.width > 800
    done = kerascnn("compare", "first", "second", "--out", tmp_path / "none" / "curves.png")
    assert done.code == 2
    assert "there is no folder" in done.err


def test_runs_of_the_same_recipe(trained, kerascnn, tmp_path: Path) -> None:
    done = kerascnn("compare", "first", "first", "--out", tmp_path / "curves.svg")
    assert done.code == 0, done.err
    assert re.search(r"^recipe +the same +the same *$", done.out, re.MULTILINE)
    assert f"\ncurves: {tmp_path / 'curves.svg'}\n" in done.out
    assert "<svg" in (tmp_path / "curves.svg").read_text(encoding="utf-8")


def test_mistakes_are_one_line_and_draw_nothing(trained, kerascnn, tmp_path: Path) -> None:
    for arguments, message in (
        ([], "compare needs two runs or more, such as 'kerascnn compare latest RUN'"),
        (["first"], "compare needs two runs or more"),
        (["first", "secnd"], "unknown run 'secnd': did you mean second"),
        (["first", "second", "--out", tmp_path / "a.gif"], "must end in .png, .svg or .pdf"),
        (["first", "second", "--csv", tmp_path / "no" / "a.csv"], "--csv"),
        (["first", "second", "--json", tmp_path], "Is a directory"),
        (["--filter", "test_accuracy > 1"], "none of 2 runs meets 'test_accuracy > 1'"),
        (["--sweep", "none"], "no sweep 'none'"),
    ):
        done = kerascnn("compare", *arguments)
        assert done.code == 2
        assert message in done.err
        assert done.err.count("\n") == 1
    assert not list(tmp_path.iterdir())
    assert not (trained / "compare.png").exists()


@pytest.fixture(scope="module")
def place(tmp_path_factory) -> Path:
    """Holds five runs of two recipes, one without predictions, and one of other images."""
    place = tmp_path_factory.mktemp("stored")
    with contextlib.chdir(place):
        for seed in range(4):
            wrong = predictions(range(seed, 12 + 2 * seed))
            store_run(f"seed-{seed}", wrong, settings=[f"training.seed={seed}"])
        store_run("best", predictions([50]), settings=["optimizer.learning_rate=0.01"])
        store_run("old", settings=["training.epochs=1"], params={"parameters": 9})
        store_run("other", predictions([1], range(150, 350)), settings=["data.split_seed=1"])
    return place


@pytest.fixture
def stored(place: Path, work_in) -> Path:
    return work_in(place)


def test_many_runs_are_rows_with_their_seeds_and_their_pairs(stored, kerascnn, tmp_path) -> None:
    files = ["--csv", tmp_path / "a.csv", "--json", tmp_path / "a.json"]
    done = kerascnn(
        "compare", "--filter", "validation_accuracy > 0.5", "--filter", "name != other",
        "--out", tmp_path / "a.png", *files,
    )  # fmt: skip
    assert (done.code, done.err) == (0, "")
    lines = [line.split() for line in done.out.splitlines()]
    assert lines[0][:4] == ["name", "id", "status", "validation_accuracy"]
    assert "optimizer.learning_rate" in lines[0]
    assert [row[1] for row in lines[1:7]] == ["old", "best", *(f"seed-{3 - n}" for n in range(4))]
    assert re.search(r"seed-3 and 3 more +test_accuracy +4 +93.25% +0.65%", done.out)
    assert "\nbest: best, 99.50% of 200 test images; against it:\n" in done.out
    # 12 only right, 1 only wrong: 2 * (1 + 13) / 2**13; the largest of ten pairs counts once.
    row = next(line for line in lines if line[:1] == ["seed-0"])
    assert row[1:2] + row[5:] == ["+5.50", "12", "1", "0.0034", "0.024", "yes"]
    assert "corrected for 10 pairs (Holm)" in done.out
    assert "not tested in pairs: run old (FINISHED) has no predictions of its test" in done.out
    assert "without MACs, which older versions did not track: old" in done.out
    with (tmp_path / "a.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [row["name"] for row in rows][:2] == ["old", "best"]
    assert rows[2]["seeds"] == "4"
    values = json.loads((tmp_path / "a.json").read_text())
    assert len(values["pairs"]) == 10
    assert len(values["not_tested"]) == 1


def test_other_examples_are_refused_with_how_many_are_shared(stored, kerascnn, tmp_path) -> None:
    done = kerascnn("compare", "best", "other", "--out", tmp_path / "a.png")
    assert done.code == 2
    assert done.err == (
        "Error: runs best and other are of different examples: 200 test images of digits and 200 "
        "test images of digits share 50; only runs that are scored on the same images can be "
        "tested in pairs\n"
    )
    assert re.search(r"data.split_seed +0 +1", done.out), "what differs is told all the same"
    assert "against it" not in done.out


def test_no_predictions_are_no_reason_to_stop(stored, kerascnn, tmp_path) -> None:
    done = kerascnn("compare", "best", "old", "--out", tmp_path / "a.png")
    assert done.code == 0, done.err
    assert re.search(r"training.epochs +20 +1", done.out)
    assert done.out.count("'kerascnn evaluate old' makes them") == 1
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.png", "a_pareto.png"]


def test_a_sweeps_trials(wide, kerascnn, tmp_path) -> None:
    done = kerascnn("compare", "--sweep", "wide", "--out", tmp_path / "a.png")
    assert (done.code, done.err) == (0, "")
    assert "wide-18" not in done.out, "it has not finished"
    assert "not tested in pairs: trials of a sweep are not scored on test images" in done.out
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.png", "a_pareto.png"]


def test_what_takes_long_is_not_imported(stored, tmp_path) -> None:
    code = (
        "import sys\n"
        "from kerascnn_pipelines.cli import main\n"
        "from kerascnn_pipelines import compare\n"
        "figures = compare._figures\n"
        "def drawn(*given):\n"
        "    print('TABLES WITHOUT', not {'matplotlib', 'scipy', 'pandas'} & set(sys.modules))\n"
        "    return figures(*given)\n"
        "compare._figures = drawn\n"
        "sys.argv = ['kerascnn', 'compare', 'seed-0', 'best', 'old', '--out', sys.argv[1]]\n"
        "try: main()\n"
        "except SystemExit as end: assert not end.code\n"
        "heavy = {'tensorflow', 'keras', 'scipy', 'sklearn', 'pandas'}\n"
        "print('HEAVY', heavy & set(sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "a.png")], capture_output=True, text=True
    )
    assert done.stdout.rstrip().endswith("HEAVY set()"), done.stderr
    assert "disagreements of best and seed-0" in done.stdout
    assert "\nTABLES WITHOUT True\n" in done.stdout
