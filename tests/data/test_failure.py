"""Files that vanish or change after they were checked."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from kerascnn.augment.spec import AugmentSpec
from kerascnn.backend import tf
from kerascnn.data.dataset import ImageData
from kerascnn.data.failure import named_failures
from kerascnn.data.loading import load
from kerascnn.data.pipeline import evaluation_batches, training_batches
from kerascnn.data.spec import DataSpec
from kerascnn.data.statistics import pixel_statistics
from kerascnn.errors import UserError
from tests.data.pictures import picture
from tests.data.splits import file_images


@pytest.fixture
def folder(image_folder: Callable[..., Path]) -> ImageData:
    """A streamed folder of 20 JPEG files, 15 of them for training."""
    root = image_folder({"a": 10, "b": 10}, ending="jpg")
    return load(DataSpec(name=f"folder:{root}", cache="none", image_size=12))


def file(data: ImageData, number: int) -> Path:
    return Path(os.fsdecode(file_images(data.splits["train"]).paths[number]))


@pytest.mark.parametrize("preset", ["none", "inception"])
def test_a_file_that_vanished_is_named(folder: ImageData, preset: str) -> None:
    stream = training_batches(folder, AugmentSpec(preset=preset), batch_size=4, seed=0)
    file(folder, 3).unlink()
    expected = rf"1 of 20 image files could be read before .*: {file(folder, 3)} \(no such file"
    with pytest.raises(UserError, match=expected) as found, named_failures(folder):
        list(stream.take(4))
    assert "\n" not in str(found.value)


def test_a_file_cut_off_is_named(folder: ImageData) -> None:
    content = file(folder, 5).read_bytes()
    file(folder, 5).write_bytes(content[: len(content) // 2])
    with pytest.raises(UserError, match=rf"{file(folder, 5)} \((image file is )?truncated"):
        pixel_statistics(folder)


@pytest.mark.parametrize("preset", ["none", "inception"])
def test_a_file_that_became_another_image_is_read(folder: ImageData, preset: str) -> None:
    Image.fromarray(picture(30, 20)).save(file(folder, 0), "PNG")
    Image.fromarray(picture(30, 20)).convert("CMYK").save(file(folder, 1), "JPEG")
    stream = training_batches(folder, AugmentSpec(preset=preset), batch_size=15, seed=0)
    ((images, _),) = stream.take(1)
    assert images.shape == (15, 12, 12, 3)


def test_records_that_are_gone(prepared: Path, tfds_set: str) -> None:
    data = load(DataSpec(name=tfds_set, cache="none", image_size=12))
    shard = next(prepared.rglob("*00001-of-00004"))
    content = shard.read_bytes()
    try:
        shard.write_bytes(content[: len(content) // 2])
        expected = (
            r"shapes: files of this prepared set are damaged or gone \(DataLossError\): prepare"
        )
        with pytest.raises(UserError, match=expected), named_failures(data):
            list(evaluation_batches(data, "train", batch_size=8))
        with pytest.raises(UserError, match=r"1\.0\.0: files of this .*DataLossError\): remove"):
            load(DataSpec(name=tfds_set))
    finally:
        shard.write_bytes(content)


def test_other_errors_stay_as_they_are(folder: ImageData) -> None:
    with pytest.raises(tf.errors.InvalidArgumentError), named_failures(folder):
        tf.reshape(np.zeros(3), (2,))
