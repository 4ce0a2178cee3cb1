"""Statistics of the training images, against NumPy, and how they are remembered."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from kerascnn.cache import remember
from kerascnn.data import statistics
from kerascnn.data.loading import load
from kerascnn.data.pipeline import evaluation_batches
from kerascnn.data.spec import DataSpec
from kerascnn.data.statistics import pixel_statistics
from tests.data.splits import array_images


@pytest.fixture
def remembered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder where they are remembered, which is not there yet."""
    monkeypatch.setenv("KERASCNN_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache" / "statistics"


@pytest.fixture
def folder(image_folder: Callable[..., Path]) -> str:
    sizes = ((40, 50), (60, 30), (25, 25))
    return f"folder:{image_folder({'a': 20, 'b': 28, 'c': 12}, sizes=sizes, ending='jpg')}"


@pytest.mark.parametrize("cache", ["memory", "none"])
def test_they_are_those_of_the_training_images(folder: str, remembered: Path, cache: str) -> None:
    spec = DataSpec(name=folder, image_size=16, cache=cache)
    data = load(spec)
    every = evaluation_batches(data, "train", batch_size=100)
    pixels = np.concatenate([p for p, _ in every.as_numpy_iterator()]).astype(float)
    np.testing.assert_allclose(pixel_statistics(data).mean, pixels.mean((0, 1, 2)), rtol=1e-9)
    np.testing.assert_allclose(pixel_statistics(data).std, pixels.std((0, 1, 2)), rtol=1e-9)
    (file,) = remembered.iterdir()
    remember("statistics", file.stem, [[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])
    assert pixel_statistics(load(spec)).mean == (1, 2, 3)


def test_what_is_remembered_and_damaged_is_found_anew(remembered: Path) -> None:
    spec = DataSpec(name="digits", image_size=8)
    expected = pixel_statistics(load(spec))
    (file,) = remembered.iterdir()
    whole = file.read_text()
    damage = ["", "[[1.0], [2.0]]", "{}", '{"value": 3}', whole[:-9], whole.replace("[[", "[[1")]
    for damaged in [*damage, "[" * 9999]:
        file.write_text(damaged)
        with pytest.warns(UserWarning, match="is damaged: what was kept there is made anew"):
            assert pixel_statistics(load(spec)) == expected
        assert file.read_text() == whole


def test_other_images_are_not_taken_for_those_remembered(remembered: Path) -> None:
    found = {
        pixel_statistics(load(DataSpec(name="digits", **fields))).mean
        for fields in (
            {"image_size": 8},
            {"image_size": (8, 12)},
            {"image_size": (8, 12), "resize": "pad"},
            {"image_size": 8, "colour": "rgb"},
            {"image_size": 8, "train_fraction": 0.5},
        )
    }
    assert len(found) == len(list(remembered.iterdir())) == 5


def test_a_sample_of_larger_sets_that_are_not_in_memory(remembered: Path, monkeypatch) -> None:
    monkeypatch.setattr(statistics, "SAMPLE", 100)
    monkeypatch.setattr(statistics, "_BATCH", 50)
    spec = DataSpec(name="digits", image_size=8, cache="none")
    sampled = pixel_statistics(load(spec))
    whole = pixel_statistics(load(spec.model_copy(update={"cache": "memory"})))
    assert sampled != whole
    np.testing.assert_allclose(sampled.mean, whole.mean, rtol=0.1)
    for file in remembered.iterdir():
        file.unlink()
    assert pixel_statistics(load(spec)) == sampled, "always the same ones"


def test_a_cache_that_cannot_be_written_is_done_without(tmp_path: Path, monkeypatch) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("KERASCNN_CACHE", str(tmp_path / "file"))
    data = load(DataSpec(name="digits"))
    pixels = array_images(data.splits["train"]).pixels.astype(float)
    found = pixel_statistics(data)
    assert found.mean == (pytest.approx(pixels.mean()),)
    assert found.std == (pytest.approx(pixels.std()),)
