"""The hint that a drawing is dark on light: for such a one alone, and with the right answer."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from kerascnn import tracking
from kerascnn.data.digits import read
from kerascnn.inversion import inversion_hints
from kerascnn.run_model import load_model


@pytest.fixture
def drawings(trained: Path, tmp_path: Path) -> tuple[Path, Path]:
    """The same digit, a test image that the model knows, dark on light and light on dark."""
    table = tracking.load_run("second").predictions()
    row = int(np.argmax(table.true_probability))
    digit = read()[0][int(table.examples[row])][..., 0]
    dark, light = tmp_path / f"dark-{table.labels[row]}.png", tmp_path / "light.png"
    Image.fromarray(255 - digit).save(dark)
    Image.fromarray(digit).save(light)
    return dark, light


def test_a_dark_drawing_is_told_with_what_it_would_be(drawings: tuple[Path, Path]) -> None:
    run = tracking.load_run("second")
    (line,) = inversion_hints(load_model(run), run, drawings)
    dark, _ = drawings
    label = dark.stem.rpartition("-")[2]
    assert line.startswith(f"{dark}: is dark on light, and the images of second are not; inverted")
    assert f"it would be '{label}' (" in line


def test_predict_says_it_on_stderr(drawings: tuple[Path, Path], kerascnn) -> None:
    dark, light = drawings
    found = kerascnn("predict", "second", dark, light)
    assert found.code == 0
    assert found.err.startswith(f"Warning: {dark}: is dark on light")
    assert len(found.err.splitlines()) == 1
    assert kerascnn("predict", "second", light).err == ""
