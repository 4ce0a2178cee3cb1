"""Parts of data sets, taken and joined."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest

from kerascnn.backend import tf
from kerascnn.data.dataset import ArrayImages, FileImages, ImageData, RecordImages, Split
from kerascnn.data.loading import load
from kerascnn.data.spec import DataSpec


def test_arrays_are_taken_apart_and_joined(noise_images) -> None:
    pixels = noise_images(5, 2, 3, 1)
    images = ArrayImages(pixels, np.arange(5))
    some = images.part(np.array([0, 3]))
    np.testing.assert_array_equal(some.pixels, pixels[[0, 3]])
    joined = some.joined(images.part(np.array([4])))
    np.testing.assert_array_equal(joined.pixels, pixels[[0, 3, 4]])
    assert joined.identities() == ["0", "3", "4"]
    assert joined.dimensions().tolist() == [[2, 3]] * 3


def test_files_keep_what_is_known_of_each() -> None:
    images = FileImages(
        np.array([b"/a", b"/b", b"/c"], object),
        np.array(["a", "b", "c"], object),
        np.array([0, 1, 2]),
        np.array([10, 20, 30]),
        np.array([[4, 5], [6, 7], [8, 9]]),
    )
    joined = images.part(np.array([2])).joined(images.part(np.array([0, 1])))
    assert joined.paths.tolist() == [b"/c", b"/a", b"/b"]
    assert joined.decoders.tolist() == [2, 0, 1]
    assert joined.sizes.tolist() == [30, 10, 20]
    assert joined.identities() == ["c", "a", "b"]
    assert joined.dimensions().tolist() == [[8, 9], [4, 5], [6, 7]]


def test_joined_records_are_read_from_both_sets_of_files(tfds_set: str) -> None:
    images = load(DataSpec(name=tfds_set)).splits["train"].images
    assert isinstance(images, RecordImages)
    files = images.files
    whole = RecordImages(files, np.arange(files.size))

    def read(part: RecordImages) -> list[Any]:
        batches = part.files.examples(part.rows)
        return [content for contents, _ in batches for content in tf.unstack(contents)]

    contents = [content.numpy() for content in read(whole)]
    assert len(contents) == files.size == 60
    some = whole.part(np.array([3, 25, 59]))
    assert [content.numpy() for content in read(some)] == [contents[i] for i in (3, 25, 59)]
    joined = some.joined(whole.part(np.array([0, 41])))
    assert joined.rows.tolist() == [3, 25, 59, 60, 101]
    found = [content.numpy() for content in read(joined)]
    assert found == [contents[i] for i in (3, 25, 59, 0, 41)]
    names = whole.identities()
    assert joined.identities() == [names[i] for i in (3, 25, 59, 0, 41)]
    assert len(set(names)) == 60


@pytest.fixture
def data() -> ImageData:
    splits = {
        name: Split(
            name,
            np.zeros(size, np.int64),
            ArrayImages(np.zeros((size, 1, 1, 1)), np.arange(size)),
        )
        for name, size in (("train", 1374), ("validation", 153), ("test", 270))
    }
    spec = DataSpec(name="digits")
    return ImageData(spec, ("a", "b"), (28, 30, 3), splits, "f", "memory", sizes_differ=False)


def test_a_data_set_describes_itself_on_one_line(data: ImageData) -> None:
    assert data.describe() == (
        "digits: 1,374 train, 153 validation, 270 test images of 28x30x3, 2 classes"
    )
    assert data.name == "digits"
    assert data.splits["test"].size == 270


def test_data_sets_are_themselves_alone(data: ImageData) -> None:
    assert data != dataclasses.replace(data)
    assert data.splits["train"] != dataclasses.replace(data.splits["train"])
    assert "kept" not in repr(data.splits["train"])  # it may be gigabytes
