"""`kerascnn predict`, as a user sees it."""

from __future__ import annotations

import csv
import json
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

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
