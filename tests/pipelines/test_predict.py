"""`kerascnn predict`, as a user sees it."""

from __future__ import annotations

import csv
import json
import os
import re
import signal
import threading
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from pyarrow.parquet import read_table

from kerascnn import tracking


def _digit(path: Path, mode: str) -> Path:
    from sklearn.datasets import load_digits

    pixels = (load_digits().images[0] * 255 / 16).astype(np.uint8)
    Image.fromarray(pixels).resize((64, 64), Image.Resampling.BILINEAR).convert(mode).save(path)
    return path


def test_predict(trained, kerascnn, tmp_path) -> None:
    for name, mode in (("a.png", "L"), ("b.PNG", "RGB"), ("c.bmp", "RGB"), ("d.gif", "P")):
        _digit(tmp_path / name, mode)
    table = kerascnn("predict", "first", tmp_path)
    assert table.code == 0, table.err
    assert len(re.findall(r"\.(?:png|PNG|bmp|gif) +0 +\d", table.out)) == 4
    rows = json.loads(kerascnn("predict", "first", tmp_path, "--format", "json").out)
    assert [row["predictions"][0]["class"] for row in rows] == ["0"] * 4
    assert all(len(row["predictions"]) == 3 for row in rows)
    text = kerascnn("predict", "first", tmp_path / "a.png", "--format", "csv", "--top", "10").out
    shares = [float(row["probability"]) for row in csv.DictReader(text.splitlines())]
    assert sum(shares) == pytest.approx(1, abs=1e-4)
    assert shares == sorted(shares, reverse=True)


def test_predict_reports_what_it_cannot_read_and_goes_on(trained, kerascnn, tmp_path) -> None:
    whole = _digit(tmp_path / "a.png", "L")
    (tmp_path / "cut.png").write_bytes(whole.read_bytes()[:60])
    (tmp_path / "text.png").write_text("not an image")
    done = kerascnn("predict", "first", tmp_path, "--format", "json")
    assert done.code == 1
    assert [Path(row["file"]).name for row in json.loads(done.out)] == ["a.png"]
    errors = done.err.splitlines()
    assert len(errors) == 2
    assert "cut.png" in errors[0]
    assert "text.png" in errors[1]


def test_predict_from_a_model_file_and_with_a_broken_one(trained, kerascnn, tmp_path) -> None:
    image = _digit(tmp_path / "a.png", "L")
    model = tracking.load_run("first").artifact("model.keras")
    assert kerascnn("predict", model, image).code == 0
    broken = tmp_path / "broken.keras"
    broken.write_bytes(model.read_bytes()[:5000])
    done = kerascnn("predict", broken, image)
    assert done.code == 2
    assert re.match(r"Error: .*broken.keras: damaged, or not a \.keras file\n$", done.err)


@pytest.fixture
def digits(tmp_path: Path) -> Path:
    """A folder of many small images, and a file that is none."""
    from sklearn.datasets import load_digits

    folder = tmp_path / "many"
    folder.mkdir()
    for number, image in enumerate(load_digits().images[:700]):
        Image.fromarray((image * 255 / 16).astype(np.uint8)).save(folder / f"{number:03}.png")
    (folder / "none.png").write_text("not an image")
    return folder


def test_files_hold_what_is_printed(trained, kerascnn, digits, tmp_path) -> None:
    out = tmp_path / "answers.csv"
    done = kerascnn("predict", "first", digits, "--out", out)
    assert done.code == 1
    assert done.out == f"wrote {out}: 700 of 701 files; 1 could not be read\n"
    assert done.err == f"Error: {digits}/none.png: is not an image\n"
    printed = kerascnn("predict", "first", digits, "--format", "csv").out
    assert out.read_text() == printed
    lines = tmp_path / "answers.jsonl"
    kerascnn("predict", "first", digits, "--out", lines)
    records = [json.loads(line) for line in lines.read_text().splitlines()]
    assert records == json.loads(kerascnn("predict", "first", digits, "--format", "json").out)
    parquet = tmp_path / "answers.parquet"
    kerascnn("predict", "first", digits, "--out", parquet)
    rows = [*csv.DictReader(printed.splitlines())]
    table = read_table(parquet)
    assert table["class"].to_pylist() == [row["class"] for row in rows]
    shares = [f"{share:.6f}" for share in table["probability"].to_pylist()]
    assert shares == [row["probability"] for row in rows]
    tables = kerascnn("predict", "first", digits).out
    assert tables.count("probability  then") == 2, "a heading for each table of 500"


def test_an_interrupted_file_is_gone_on_with(trained, kerascnn, digits, tmp_path) -> None:
    whole, out = tmp_path / "whole.csv", tmp_path / "answers.csv"
    kerascnn("predict", "first", digits, "--out", whole)
    partial = tmp_path / "answers.csv.partial"

    def interrupt() -> None:
        while not (partial.exists() and partial.stat().st_size):
            time.sleep(0.001)
        os.kill(os.getpid(), signal.SIGINT)

    interrupting = threading.Thread(target=interrupt)
    interrupting.start()
    stopped = kerascnn("predict", "first", digits, "--out", out)
    interrupting.join()
    assert stopped.code == 130, stopped.err
    assert re.search(r"\d+ of 701 files are in .*the same command goes on there\n", stopped.err)
    assert not out.exists()
    other = kerascnn("predict", "first", digits, "--out", out, "--top", 2)
    assert other.code == 2
    assert "is left by another command" in other.err
    assert kerascnn("predict", "first", digits, "--out", out).code == 1
    assert out.read_text() == whole.read_text()
    assert {one.name for one in tmp_path.iterdir()} == {"many", "whole.csv", "answers.csv"}


def test_views_by_name(trained, kerascnn, tmp_path) -> None:
    image = _digit(tmp_path / "a.png", "L")
    plain = json.loads(kerascnn("predict", "first", image, "--format", "json").out)
    none = kerascnn("predict", "first", image, "--format", "json", "--tta", "none").out
    assert json.loads(none) == plain
    crops = kerascnn("predict", "first", image, "--format", "json", "--tta", "ten-crop").out
    assert json.loads(crops)[0]["predictions"] != plain[0]["predictions"]


@pytest.mark.parametrize(
    ("options", "error"),
    [
        (["--tta", "flip"], "unknown test-time augmentation 'flip'.*flips"),
        (["--out", "a.xlsx"], r"unknown format of --out '.xlsx'.*\.csv"),
        (["--out", "gone/a.csv"], "--out gone/a.csv: there is no folder gone"),
        (["--format", "parquet"], "--format parquet: is a file: --out photos.parquet"),
        (["--format", "table", "--out", "a.csv"], "--format table: is not for --out"),
    ],
)
def test_mistakes(trained, kerascnn, tmp_path, options: list[str], error: str) -> None:
    done = kerascnn("predict", "first", _digit(tmp_path / "a.png", "L"), *options)
    assert done.code == 2
    assert re.match(f"Error: {error}", done.err), done.err
