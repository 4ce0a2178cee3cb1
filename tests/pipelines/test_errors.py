"""`kerascnn errors`, as a user sees it: without the network, and without TensorFlow."""

from __future__ import annotations

import contextlib
import csv
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from kerascnn import tracking


def test_wrong_images_are_listed_worst_first_and_drawn(trained, kerascnn, tmp_path: Path) -> None:
    out, table = tmp_path / "sheet.png", tmp_path / "wrong.csv"
    done = kerascnn("errors", "first", "--limit", 3, "--out", out, "--csv", table)
    assert done.code == 0, done.err
    predictions = tracking.load_run("first").predictions("test")
    wrong = int((~predictions.correct).sum())
    lines = done.out.splitlines()
    assert lines[1].startswith(f"split      test, 270 images, {wrong} wrong (")
    rows = [line.split() for line in lines[4:7]]
    losses = [float(row[-1]) for row in rows]
    assert losses == sorted(losses, reverse=True)
    assert losses[0] == pytest.approx(predictions.losses[~predictions.correct].max(), abs=1e-3)
    assert f"and {wrong - 3} more" in done.out
    assert "most confused" in done.out
    with table.open() as file:
        kept = list(csv.DictReader(file))
    assert [row["example"] for row in kept[:3]] == [row[0] for row in rows]
    assert len(kept) == wrong
    assert all(row["true"] != row["said"] for row in kept)
    with Image.open(out) as sheet:
        assert sheet.width > 800


def test_one_class_or_one_confusion_alone(trained, kerascnn, tmp_path: Path) -> None:
    predictions = tracking.load_run("first").predictions("train")
    row = int(np.flatnonzero(~predictions.correct)[0])
    true = predictions.classes[predictions.labels[row]]
    said = predictions.classes[predictions.predicted[row]]
    rest = ("--split", "train", "--limit", 9999, "--out", tmp_path / "sheet.png")
    done = kerascnn("errors", "first", "--class", true, *rest)
    assert predictions.examples[row] in {line.split()[0] for line in done.out.splitlines()[4:-2]}
    pair = kerascnn("errors", "first", "--confused", f"{true},{said}", *rest)
    rows = [line.split()[1:3] for line in pair.out.splitlines()[4:-2]]
    assert rows == [[true, said]] * len(rows) != []


def test_nothing_wrong_is_told(trained, kerascnn) -> None:
    predictions = tracking.load_run("first").predictions("test")
    pairs = {(t, s) for t, s in np.argwhere(predictions.confusion)}
    true, said = next((t, s) for t in range(10) for s in range(10) if (t, s) not in pairs)
    done = kerascnn("errors", "first", "--confused", f"{true},{said}")
    assert done.code == 0
    assert done.out.splitlines()[-1] == f"none of them {true} taken for {said}"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["frist"], "unknown run 'frist': did you mean first"),
        (["first", "--class", "11"], "unknown class '11': known: 0, 1, 2"),
        (["first", "--confused", "3"], "--confused: got '3', must be TRUE,SAID: two classes"),
        (["first", "--confused", "3,x"], "unknown class 'x'"),
        (["first", "--class", "3", "--confused", "3,5"], "give one of them"),
        (["first", "--out", "sheet.xyz"], "--out sheet.xyz: must end in .png"),
        (["first", "--data", "mnsit"], "unknown data set 'mnsit'"),
    ],
)
def test_mistakes_are_one_line(trained, kerascnn, arguments: list[str], message: str) -> None:
    done = kerascnn("errors", *arguments)
    assert done.code == 2
    assert message in done.err
    assert done.err.count("\n") == 1


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A working directory with a run, "photos", on dark and light images of many sizes."""
    from kerascnn.experiment import train

    place = tmp_path_factory.mktemp("photos")
    random = np.random.default_rng(0)
    for name, level in (("dark", 100), ("light", 140)):
        (place / "data" / name).mkdir(parents=True)
        for number in range(30):
            shape = (*random.integers(20, 60, 2), 3)
            pixels = random.normal(level, 60, shape).clip(0, 255).astype(np.uint8)
            Image.fromarray(pixels).save(place / "data" / name / f"{number}.png")
    with contextlib.chdir(place):
        train(
            "linear", "folder:data", name="photos", epochs=1, report=None,
            settings=["data.image_size=16"],
        )  # fmt: skip
    return place


def test_files_are_named_and_tensorflow_stays_out(photos: Path, work_in) -> None:
    work_in(photos)
    program = (
        "import sys; from kerascnn_pipelines.cli import cli; "
        "cli(['errors', 'photos', '--split', 'train'], standalone_mode=False); "
        "sys.exit('tensorflow' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    wrong = tracking.load_run("photos").predictions("train")
    for example in wrong.examples[~wrong.correct][:1]:
        assert example in done.stdout
        assert (photos / "data" / example).is_file()


def test_data_that_has_changed_is_refused_unless_it_is_named(photos: Path, work_in, kerascnn):
    work_in(photos)
    name = tracking.load_run("photos").predictions("train").examples[0]
    content = (photos / "data" / name).read_bytes()
    (photos / "data" / name).unlink()
    try:
        done = kerascnn("errors", "photos", "--split", "train")
        assert done.code == 2
        assert "folder:data has changed since it was scored (fingerprint " in done.err
        assert done.err.rstrip().endswith("--data folder:data")
        done = kerascnn("errors", "photos", "--split", "train", "--data", "folder:data")
        assert done.code == 0, done.err
        done = kerascnn("evaluate", "photos")
        assert done.code == 2
        assert "folder:data has changed since it was trained" in done.err
        done = kerascnn("evaluate", "photos", "--data", "folder:data")
        assert done.code == 0, done.err
        assert "split      all, 59 images" in done.out
    finally:
        (photos / "data" / name).write_bytes(content)


def test_a_run_that_kept_nothing_is_told_what_makes_it(photos: Path, work_in, kerascnn) -> None:
    work_in(photos)
    path = tracking.load_run("photos").artifact("predictions_test.parquet")
    kept = path.read_bytes()
    path.unlink()
    done = kerascnn("errors", "photos")
    assert done.code == 2
    assert done.err.rstrip().endswith("'kerascnn evaluate photos' makes them")
    assert kerascnn("evaluate", "photos").code == 0
    assert kerascnn("errors", "photos").code == 0
    path.write_bytes(kept[:-20])
    assert "predictions_test.parquet: is damaged" in kerascnn("errors", "photos").err
    path.write_bytes(kept)
