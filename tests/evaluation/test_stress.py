"""Networks whose answers under distortions are known."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest

from kerascnn.backend import keras
from kerascnn.data.dataset import ArrayImages, ImageData, Split
from kerascnn.data.spec import DataSpec
from kerascnn.errors import UserError
from kerascnn.evaluation import stress
from kerascnn.evaluation.distortions import DISTORTIONS
from kerascnn.evaluation.stress import StressTest, stress_test, write_stress
from tests.data.splits import array_images


def _data(pixels: np.ndarray, labels: np.ndarray) -> ImageData:
    split = Split("test", labels, ArrayImages(pixels, np.arange(len(pixels))))
    classes = tuple("abc")[: pixels.shape[-1]]
    spec = DataSpec(name="digits")
    return ImageData(spec, classes, pixels.shape[1:], {"test": split}, "", "memory", False)


@pytest.fixture
def squares() -> ImageData:
    """A square in one of three colours, its class, in the middle of a black image."""
    labels = np.arange(30) % 3
    pixels = np.zeros((30, 40, 40, 3), np.uint8)
    random = np.random.default_rng(0)
    for image, label in zip(pixels, labels, strict=True):
        image[16:24, 16:24, label] = random.integers(100, 250, (8, 8))
    return _data(pixels, labels)


def _pooled(shape: tuple[int, int, int]) -> keras.Model:
    """The most of each channel, wherever it is."""
    inputs = keras.Input(shape, dtype="uint8")
    x = keras.layers.Rescaling(1 / 255)(inputs)
    x = keras.layers.Conv2D(3, 1, use_bias=False, name="colours")(x)
    x = keras.layers.GlobalMaxPooling2D(name="most")(x)
    model = keras.Model(inputs, x)
    model.get_layer("colours").set_weights([np.eye(3)[None, None]])
    return model


def test_what_is_seen_anywhere_is_invariant_to_shifts_and_not_to_noise(squares) -> None:
    test = stress_test(_pooled((40, 40, 3)), squares, "test", kinds=["shift", "noise"])
    assert test.layers == ("colours", "most")
    assert test.count == 30
    assert test.plain.value == 1
    for point in test.points[:5]:
        assert point.kind == "shift"
        assert point.accuracy == test.plain
        assert point.distances[0] > 0.1
        assert point.distances[1] == pytest.approx(0, abs=1e-6)
    for before, after in zip(test.points[5:], test.points[6:], strict=False):
        assert after.distances[1] > before.distances[1] > 0


def test_a_network_that_always_says_the_same_is_invariant(squares) -> None:
    model = _pooled((40, 40, 3))
    model.get_layer("colours").set_weights([np.zeros((1, 1, 3, 3))])
    test = stress_test(model, squares, "test")
    assert test.kinds == tuple(DISTORTIONS)
    assert len(test.points) == 5 * len(DISTORTIONS)
    for point in test.points:
        assert point.accuracy == test.plain
        assert point.accuracy.value == pytest.approx(1 / 3)
        assert point.distances == (0, 0)


def test_distances_are_those_of_numpy(squares, monkeypatch: pytest.MonkeyPatch) -> None:
    model = _pooled((40, 40, 3))
    together = stress_test(model, squares, "test", kinds=["brightness"])
    pixels = array_images(squares.splits["test"]).pixels / 255
    found = pixels.max(axis=(1, 2))
    mixed = found[np.random.default_rng(0).permutation(30)]
    others = np.linalg.norm(mixed - np.roll(mixed, 1, axis=0), axis=1).mean()
    factors = np.where(np.arange(30) % 2, 1 / 1.2, 1.2)[:, None, None, None]
    moved = np.minimum((pixels * 255 * factors + 0.5).astype(int), 255) / 255
    distance = np.linalg.norm(moved.max(axis=(1, 2)) - found, axis=1).mean() / others
    assert together.points[0].distances[1] == pytest.approx(distance, rel=1e-4)
    # In batches and blocks; other images are then those of the batch.
    monkeypatch.setattr(stress, "_BATCH", 7)
    monkeypatch.setattr(stress, "_BLOCK", 14 * 40 * 40 * 3)
    done: list[int] = []
    parts = stress_test(model, squares, "test", kinds=["brightness"], advance=done.append)
    assert done == [7, 7, 7, 7, 2]
    assert [p.accuracy for p in parts.points] == [p.accuracy for p in together.points]
    assert parts.points[0].distances[1] == pytest.approx(distance, rel=0.2)


def test_a_sample_of_a_larger_split(squares) -> None:
    model = _pooled((40, 40, 3))
    some = stress_test(model, squares, "test", kinds=["jpeg"], images=12)
    assert some.count == 12
    assert some == stress_test(model, squares, "test", kinds=["jpeg"], images=12)
    assert some != stress_test(model, squares, "test", kinds=["jpeg"], images=12, seed=1)


def test_refusals(squares) -> None:
    model = _pooled((40, 40, 3))
    with pytest.raises(UserError, match="unknown distortion 'rotate': did you mean rotation"):
        stress_test(model, squares, "test", kinds=["rotate"])
    with pytest.raises(UserError, match="unknown split 'tset': did you mean test"):
        stress_test(model, squares, "tset")
    with pytest.raises(UserError, match="images: got 1, must be at least 2"):
        stress_test(model, squares, "test", images=1)


def test_the_table_is_written(squares, tmp_path: Path) -> None:
    test: StressTest = stress_test(_pooled((40, 40, 3)), squares, "test", kinds=["rotation"])
    write_stress(test, tmp_path / "stress.csv")
    with (tmp_path / "stress.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["kind"] for row in rows] == ["none"] + ["rotation"] * 5
    assert [row["strength"] for row in rows] == ["", "10", "20", "30", "45", "60"]
    assert float(rows[3]["most"]) == pytest.approx(test.points[2].distances[1], abs=1e-6)
    assert float(rows[0]["accuracy"]) == 1
