"""Other data for a model: its classes found by name."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from kerascnn.data.dataset import ImageData, Split
from kerascnn.data.loading import load
from kerascnn.data.matching import matched, whole
from kerascnn.data.spec import DataSpec
from kerascnn.errors import UserError


@pytest.fixture
def data(tmp_path: Path) -> ImageData:
    """Ten images of each of cat, dog and owl."""
    for number, name in enumerate(("cat", "dog", "owl")):
        (tmp_path / name).mkdir()
        for index in range(10):
            pixels = np.full((4, 4, 3), 20 * number + index, np.uint8)
            Image.fromarray(pixels).save(tmp_path / name / f"{index}.png")
    return load(DataSpec(name=f"folder:{tmp_path}"))


def test_labels_become_those_of_the_model(data: ImageData) -> None:
    found = matched(whole(data), ("bee", "owl", "cat"))
    assert found.data.classes == ("bee", "owl", "cat")
    assert found.missing == ("bee",)
    assert found.unknown == {"dog": 20}  # in its own split, and in "all"
    everything = found.data.splits["all"]
    assert np.bincount(everything.labels).tolist() == [0, 10, 10]
    folders = [name.partition("/")[0] for name in everything.images.identities()]
    assert [{1: "owl", 2: "cat"}[label] for label in everything.labels] == folders


def test_all_is_every_image_once(data: ImageData) -> None:
    everything = whole(data).splits["all"]
    assert everything.size == 30 == len(set(everything.images.identities()))


def test_no_class_in_common_is_told(data: ImageData) -> None:
    with pytest.raises(UserError, match="has none of the model's classes: it has cat, dog, owl, "):
        matched(data, ("0", "1"))


def test_labels_that_the_model_does_not_know_are_left_out_of_sets(data: ImageData) -> None:
    labels = np.array([[1, 1, 0], [0, 1, 0], [0, 0, 0]], np.float32)
    splits = {
        name: Split(name, np.resize(labels, (split.size, 3)), split.images)
        for name, split in data.splits.items()
    }
    several = dataclasses.replace(data, splits=splits)
    found = matched(several, ("owl", "cat"))
    assert found.data.splits["test"].size == data.splits["test"].size, "no image is left out"
    assert found.data.splits["test"].labels[:3].tolist() == [[0, 1], [0, 0], [0, 0]]
    assert set(found.unknown) == {"dog"}
    assert len(whole(found.data).splits["all"].labels) == 30
