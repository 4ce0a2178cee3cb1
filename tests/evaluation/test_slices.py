"""Accuracy on parts of a split, counted by hand."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from kerascnn.evaluation.measures import wilson
from kerascnn.evaluation.predictions import Predictions, from_logits
from kerascnn.evaluation.slices import Slice, brightness_of, slices, write_slices


def table(
    labels: list[int],
    correct: list[bool],
    *,
    examples: list[str] | None = None,
    data: str = "digits",
    sides: list[int] | None = None,
) -> Predictions:
    said = np.where(correct, labels, (np.array(labels) + 1) % 4)
    count = len(labels)
    return from_logits(
        5.0 * np.eye(4)[said],
        np.array(labels),
        ["a", "b", "c", "d"],
        examples=examples or [str(i) for i in range(count)],
        dimensions=np.repeat(np.array(sides or [8] * count)[:, None], 2, axis=1),
        data=data,
        fingerprint="",
        split="test",
    )


def _counted(rows: list[Slice]) -> list[tuple[str, str, int, int]]:
    for row in rows:
        assert row.accuracy == wilson(round(row.accuracy.value * row.count), row.count)
    return [(row.by, row.name, row.count, round(row.accuracy.value * row.count)) for row in rows]


def test_by_size() -> None:
    sides = [10, 10, 20, 20, 20, 30, 30, 40]
    right = [False, True, True, False, True, True, True, True]
    assert _counted(slices(table([0] * 8, right, sides=sides))) == [
        ("image size", "100 pixels", 2, 1),
        ("image size", "400 pixels", 3, 2),
        ("image size", "900 pixels", 2, 2),
        ("image size", "1,600 pixels", 1, 1),
    ]


def test_by_class_frequency() -> None:
    training = table([0] * 10 + [1] * 20 + [2] * 30, [True] * 60)  # none of the last class
    right = [True, False, True, True, False, True, False, False]
    rows = slices(table([0, 0, 1, 1, 2, 2, 3, 3], right), training=training)
    assert _counted(rows) == [
        ("class frequency", "0 training images a class", 2, 0),
        ("class frequency", "10 training images a class", 2, 1),
        ("class frequency", "20 training images a class", 2, 2),
        ("class frequency", "30 training images a class", 2, 1),
    ]
    even = table([0, 1, 2, 3], [True] * 4)
    assert slices(even, training=even) == []  # nothing to divide by


def test_by_brightness(tmp_path: Path) -> None:
    levels = [0, 60, 120, 250]
    for level in levels:
        Image.new("RGB", (5, 4), (level, level, level)).save(tmp_path / f"{level}.png")
    Image.new("RGB", (5, 4), (255, 0, 0)).save(tmp_path / "red.png")
    names = [*(f"{level}.png" for level in levels), "red.png", "gone.png"]
    said = table([0] * 6, [True, False, True, True, True, False], examples=names,
                 data=f"folder:{tmp_path}")  # fmt: skip
    found = brightness_of(said)
    assert found[:5] == pytest.approx([*levels, 0.299 * 255])
    assert np.isnan(found[5])
    assert _counted(slices(said, brightness=found)) == [
        ("brightness", "0 to 60 of 255", 2, 1),
        ("brightness", "76 of 255", 1, 1),
        ("brightness", "120 of 255", 1, 1),
        ("brightness", "250 of 255", 1, 1),
    ]


def test_the_brightness_of_many_is_that_of_a_sample(monkeypatch: pytest.MonkeyPatch) -> None:
    from kerascnn.data import digits
    from kerascnn.evaluation import slices as module

    monkeypatch.setattr(module, "_AT_ONCE", 300)  # several readings
    pixels, _ = digits.read()
    said = table([0] * 500, [True] * 500)
    found = brightness_of(said, most=40)
    read = np.isfinite(found)
    assert read.sum() == 40
    assert found[read] == pytest.approx(pixels[:500][read].mean(axis=(1, 2, 3)))
    np.testing.assert_array_equal(found, brightness_of(said, most=40))
    assert (np.isfinite(brightness_of(said, most=40, seed=1)) != read).any()


def test_the_table_is_written(tmp_path: Path) -> None:
    rows = [Slice("brightness", "0 to 60 of 255", 2, wilson(1, 2))]
    write_slices(rows, tmp_path / "slices.csv")
    with (tmp_path / "slices.csv").open(newline="") as file:
        (row,) = csv.DictReader(file)
    assert (row["by"], row["slice"], row["count"]) == ("brightness", "0 to 60 of 255", "2")
    assert float(row["accuracy"]) == 0.5
    assert float(row["low"]) == pytest.approx(rows[0].accuracy.low, abs=1e-6)
