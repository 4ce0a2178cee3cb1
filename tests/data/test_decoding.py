"""From where images are kept, one by one, to pixels of one size with their labels."""

from __future__ import annotations

import gc
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from kerascnn.augment.framing import framing_numbers
from kerascnn.augment.spec import AugmentSpec
from kerascnn.backend import keras, tf
from kerascnn.data.dataset import FileImages, ImageData, RecordImages
from kerascnn.data.decoding import in_order, reader
from kerascnn.data.images import decode, resize
from kerascnn.data.loading import load
from kerascnn.data.spec import DataSpec
from tests.data.splits import file_images

SHAPE = (16, 18, 3)


@pytest.fixture(params=["folder", "tfds"])
def data(request, image_folder: Callable[..., Path], tfds_set: str) -> ImageData:
    """Photos of mixed sizes, none of them kept decoded."""
    sizes = ((40, 50), (60, 30), (25, 25))
    name = tfds_set
    if request.param == "folder":
        name = f"folder:{image_folder({'a': 10, 'b': 9}, sizes=sizes, ending='jpg')}"
    return load(DataSpec(name=name, cache="none", image_size=SHAPE[:2]))


def _in_order(data: ImageData, split: str, **arguments) -> list[tuple[np.ndarray, np.ndarray]]:
    batches = in_order(data, data.splits[split], SHAPE, **arguments)
    return list(batches.as_numpy_iterator())


def test_what_pillow_reads_is_read_after_keras_has_forgotten_all(
    image_folder: Callable[..., Path],
) -> None:
    """Reading is traced once in a process, and ends in a function of Python's."""
    root = image_folder({"a": 4, "b": 4}, sizes=((21, 23),), ending="gif")
    data = load(DataSpec(name=f"folder:{root}", cache="none", image_size=SHAPE[:2]))
    ((before, _),) = _in_order(data, "train", batch_size=8)
    keras.utils.clear_session()
    gc.collect()
    ((after, _),) = _in_order(data, "train", batch_size=8)
    np.testing.assert_array_equal(before, after)


def test_every_image_comes_once_in_order_with_its_label(data: ImageData) -> None:
    split = data.splits["train"]
    batches = _in_order(data, "train", batch_size=4)
    sizes = [len(labels) for _, labels in batches]
    assert sizes[:-1] == [4] * (len(sizes) - 1)
    assert sum(sizes) == split.size
    np.testing.assert_array_equal(np.concatenate([labels for _, labels in batches]), split.labels)
    ((images, _),) = _in_order(data, "train", batch_size=100, calls=1)
    assert (images.dtype, images.shape) == (np.uint8, (split.size, *SHAPE))
    np.testing.assert_array_equal(images, np.concatenate([images for images, _ in batches]))


def test_files_give_what_decode_and_resize_give(image_folder: Callable[..., Path]) -> None:
    root = image_folder({"a": 4, "b": 4}, sizes=((40, 50), (30, 30)))
    for mode in ("crop", "pad", "stretch"):
        data = load(DataSpec(name=f"folder:{root}", cache="none", image_size=8, resize=mode))
        split = data.splits["train"]
        ((images, _),) = in_order(data, split, (9, 7, 1), batch_size=50)
        expected = [
            resize(decode(path.decode()), (9, 7, 1), mode) for path in file_images(split).paths
        ]
        np.testing.assert_array_equal(images, expected)


def _handles(data: ImageData, split: str) -> list:
    """What a reader is asked with: indices of files, or records."""
    images = data.splits[split].images
    if isinstance(images, FileImages):
        return [tf.constant(index) for index in range(len(images.paths))]
    assert isinstance(images, RecordImages)
    records = [
        record for path in images.files.files for record in tf.data.TFRecordDataset(str(path))
    ]
    return [records[row] for row in images.rows]


def test_a_reader_gives_the_same_one_by_one(data: ImageData) -> None:
    split = data.splits["test"]
    ((images, labels),) = _in_order(data, "test", batch_size=100)
    read = reader(data, split, AugmentSpec(), SHAPE, split.size)
    for number, handle in enumerate(_handles(data, "test")):
        pixels, label = read(number, handle)
        np.testing.assert_array_equal(pixels, images[number])
        assert label == labels[number]


def test_slots_beyond_the_images_are_empty_and_read_nothing(data: ImageData) -> None:
    split = data.splits["test"]
    slots = split.size + 2
    read = reader(data, split, AugmentSpec(), SHAPE, slots)
    handle = _handles(data, "test")[0]
    for number in (0, slots):
        assert np.asarray(read(tf.constant(number), handle)[0]).any()
    for number in (split.size, slots + split.size + 1):
        pixels, label = read(tf.constant(number), handle)
        assert pixels.shape == SHAPE
        assert not np.asarray(pixels).any()
        assert label == 0


def test_a_crop_that_comes_first_is_cut_while_decoding(data: ImageData) -> None:
    split = data.splits["test"]
    crop = {"name": "random-resized-crop", "area": [0.05, 0.3]}
    augment = AugmentSpec(operations=[crop, {"name": "horizontal-flip", "probability": 1}])
    unflipped = AugmentSpec(operations=[crop, {"name": "horizontal-flip", "probability": 0}])
    whole = _in_order(data, "test", batch_size=100)[0][0][0]
    zero = tf.constant(0, tf.int64)
    numbers = framing_numbers(augment, seed=zero, epoch=zero, positions=tf.range(3, dtype="int64"))
    handle, seen = _handles(data, "test")[0], []
    for drawn in numbers:
        flipped, straight = (
            reader(data, split, each, SHAPE, split.size)(0, handle, drawn)[0].numpy()
            for each in (augment, unflipped)
        )
        np.testing.assert_array_equal(flipped, straight[:, ::-1])
        assert (straight != whole).any()
        seen.append(straight.tobytes())
    assert len(set(seen)) == 3
