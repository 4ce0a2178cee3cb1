"""Streams: every example once an epoch, resumed exactly, the same however parallel."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from kerascnn.augment.spec import AugmentSpec
from kerascnn.backend import keras
from kerascnn.data.dataset import ImageData
from kerascnn.data.loading import load
from kerascnn.data.pipeline import evaluation_batches, pictures, training_batches
from kerascnn.data.spec import DataSpec
from kerascnn.errors import UserError
from tests.composites import write_pairs

PLAIN = AugmentSpec()
BATCH = 7


def take(data: ImageData, number: int, augment: AugmentSpec = PLAIN, **options: Any) -> list:
    options = {"batch_size": BATCH, "seed": 3, **options}
    return list(training_batches(data, augment, **options).take(number).as_numpy_iterator())


def assert_same(left: list, right: list) -> None:
    assert len(left) == len(right)
    for a, b in zip(left, right, strict=True):
        for x, y in zip(a, b, strict=True):
            np.testing.assert_array_equal(x, y)


@pytest.fixture
def opened(image_folder: Callable[..., Path], tfds_set: str) -> Callable[..., ImageData]:
    """Opens a folder or TFDS set of 60 photos of mixed sizes, whose train split has 46."""
    sizes = ((40, 50), (60, 30), (25, 25))
    folder = image_folder({"a": 20, "b": 28, "c": 12}, sizes=sizes, ending="jpg")

    def open_(kind: str, cache: str, **options: Any) -> ImageData:
        name = f"folder:{folder}" if kind == "folder" else tfds_set
        return load(DataSpec(name=name, cache=cache, image_size=16, **options))

    return open_


STORES = [(kind, cache) for kind in ("folder", "tfds") for cache in ("none", "memory", "disk")]


@pytest.mark.parametrize(("kind", "cache"), STORES)
@pytest.mark.parametrize("preset", ["none", "inception"])
def test_stream(kind: str, cache: str, preset: str, opened: Callable[..., ImageData]) -> None:
    data = opened(kind, cache, shuffle_buffer=20)
    augment = AugmentSpec(preset=preset)
    train = data.splits["train"]
    steps = -(-train.size // BATCH)
    assert train.size % BATCH  # so that the last batch is smaller
    stream = take(data, 2 * steps + 1, augment, parallel_calls=1)
    assert_same(stream, take(data, 2 * steps + 1, augment, parallel_calls=8))
    sizes = [len(labels) for _, labels in stream]
    assert sizes[:steps] == sizes[steps : 2 * steps] == [BATCH] * (steps - 1) + [train.size % BATCH]
    assert stream[0][0].shape == (BATCH, 16, 16, 3)
    assert stream[0][0].dtype == np.uint8
    assert stream[0][1].dtype == np.int32
    for epoch in (0, 1):
        labels = np.concatenate([y for _, y in stream[epoch * steps : (epoch + 1) * steps]])
        np.testing.assert_array_equal(np.bincount(labels), np.bincount(train.labels))
    assert (stream[0][0] != stream[steps][0]).any()
    # Taken up in the middle of the first epoch, and of the second.
    assert_same(stream[2:5], take(data, 3, augment, step=2))
    assert_same(stream[steps + 3 :], take(data, steps - 2, augment, epoch=1, step=3))
    assert (take(data, 1, augment, seed=4)[0][0] != stream[0][0]).any()


@pytest.mark.parametrize("kind", ["folder", "tfds"])
def test_each_image_comes_once_an_epoch(kind: str, opened: Callable[..., ImageData]) -> None:
    data = opened(kind, "none", shuffle_buffer=20)
    every = [p for p, _ in evaluation_batches(data, "train", batch_size=5).as_numpy_iterator()]
    expected = sorted(image.tobytes() for image in np.concatenate(every))
    for epoch in (0, 1):
        stream = take(data, 7, epoch=epoch)
        assert sorted(i.tobytes() for p, _ in stream for i in p) == expected


@pytest.mark.parametrize("kind", ["folder", "tfds"])
def test_the_global_seed_changes_nothing(kind: str, opened: Callable[..., ImageData]) -> None:
    data = opened(kind, "none", shuffle_buffer=20)
    streams = []
    for seed in (0, 1):
        keras.utils.set_random_seed(seed)  # as every training run does
        streams.append(take(data, 4))
    assert_same(*streams)


@pytest.mark.parametrize("kind", ["folder", "tfds"])
def test_kept_images_are_the_streamed_ones(kind: str, opened: Callable[..., ImageData]) -> None:
    data = {cache: opened(kind, cache) for cache in ("none", "memory", "disk")}
    for split in ("train", "validation", "test"):
        read = {
            cache: list(evaluation_batches(d, split, batch_size=4).as_numpy_iterator())
            for cache, d in data.items()
        }
        assert_same(read["none"], read["memory"])
        assert_same(read["none"], read["disk"])
        labels = np.concatenate([y for _, y in read["none"]])
        np.testing.assert_array_equal(labels, data["none"].splits[split].labels)
        images = np.concatenate([pixels for pixels, _ in read["none"]])
        chosen = np.array([1, 3, 4])
        np.testing.assert_array_equal(pictures(data["none"], split, chosen), images[chosen])
    # Folders are shuffled whole either way.
    if kind == "folder":
        assert_same(take(data["none"], 9), take(data["memory"], 9))


def test_crops_come_from_the_files_unless_images_are_kept_on_purpose(
    opened: Callable[..., ImageData],
) -> None:
    crop = AugmentSpec(preset="inception")
    auto = opened("folder", "auto")
    assert auto.cache == "memory"
    assert_same(take(auto, 2, crop), take(opened("folder", "none"), 2, crop))
    kept = take(opened("folder", "memory"), 2, crop)
    assert (kept[0][0] != take(auto, 1, crop)[0][0]).any()


def test_a_small_budget_streams(opened: Callable[..., ImageData]) -> None:
    assert opened("folder", "auto", memory_budget=1e-5).cache == "none"
    assert opened("folder", "auto", memory_budget=1).cache == "memory"


@pytest.mark.parametrize("cache", ["none", "memory"])
def test_oversampling_shows_every_class_equally_often(
    cache: str, opened: Callable[..., ImageData]
) -> None:
    data = opened("folder", cache, balance="oversample")
    size = data.splits["train"].size
    steps = -(-size // BATCH)
    for epoch in (0, 1):
        labels = np.concatenate([y for _, y in take(data, steps, epoch=epoch)])
        assert len(labels) == size
        assert np.ptp(np.bincount(labels)) <= 1
    # A small class's images come again only when all of them have come.
    stream = [batch for epoch in (0, 1, 2) for batch in take(data, steps, epoch=epoch)]
    shown = np.concatenate([p for p, _ in stream])[np.concatenate([y for _, y in stream]) == 2]
    _, times = np.unique(shown.reshape(len(shown), -1), axis=0, return_counts=True)
    assert len(times) == (data.splits["train"].labels == 2).sum()
    assert np.ptp(times) <= 1


def test_streamed_records_cannot_be_oversampled(opened: Callable[..., ImageData]) -> None:
    data = opened("tfds", "none", balance="oversample")
    with pytest.raises(UserError, match=r"cannot be oversampled: use weights, or .*cache=memory"):
        training_batches(data, PLAIN, batch_size=4, seed=0)
    assert len(take(opened("tfds", "memory", balance="oversample"), 2)) == 2


def test_own_weights_of_classes(opened: Callable[..., ImageData]) -> None:
    data = opened("folder", "memory")
    for batch in take(data, 3, class_weights={"a": 3.0, "c": 0.5}):
        np.testing.assert_allclose(batch[2], np.array([3, 1, 0.5])[batch[1]])
    counts = np.bincount(data.splits["train"].labels)
    even = data.splits["train"].size / (3 * counts)
    for batch in take(data, 3, balance="weights", class_weights={"b": 2.0}):
        np.testing.assert_allclose(batch[2], (even * [1, 2, 1])[batch[1]], rtol=1e-6)


@pytest.mark.parametrize("augment", [PLAIN, AugmentSpec(operations=({"name": "mixup"},))])
def test_weights_make_classes_count_alike(
    augment: AugmentSpec, opened: Callable[..., ImageData]
) -> None:
    data = opened("folder", "memory", balance="weights")
    labels = data.splits["train"].labels
    stream = take(data, -(-len(labels) // BATCH), augment)
    weights = np.concatenate([w for _, _, w in stream])
    assert weights.dtype == np.float32
    np.testing.assert_allclose(weights.sum(), len(labels), rtol=1e-3 if augment is PLAIN else 0.1)
    if augment is PLAIN:
        y = np.concatenate([y for _, y, _ in stream])
        sums = np.bincount(y, weights=weights)
        np.testing.assert_allclose(sums, sums[0], rtol=1e-5)


@pytest.mark.parametrize("cache", ["memory", "disk", "none"])
def test_batches_of_several_labels(cache: str, tmp_path: Path) -> None:
    name = f"csv:{write_pairs(tmp_path, 60)}"
    data = load(DataSpec(name=name, labels="several", cache=cache))
    test = data.splits["test"]
    found = list(evaluation_batches(data, "test", batch_size=4).as_numpy_iterator())
    np.testing.assert_array_equal(np.concatenate([labels for _, labels in found]), test.labels)
    batches = training_batches(data, AugmentSpec(), batch_size=16, seed=0)
    size = data.splits["train"].size
    taken = batches.take(-(-size // 16)).as_numpy_iterator()
    epoch = np.concatenate([labels for _, labels in taken])
    assert epoch.dtype == np.float32
    np.testing.assert_array_equal(
        np.sort(epoch @ 2.0 ** np.arange(10)),
        np.sort(data.splits["train"].labels @ 2.0 ** np.arange(10)),
    )
    augment = AugmentSpec(operations=[{"name": "mixup", "alpha": 1.0}])
    ((_, mixed),) = training_batches(data, augment, batch_size=16, seed=0).take(1)
    plain = next(iter(batches))[1]
    np.testing.assert_allclose(np.sum(mixed), np.sum(plain), rtol=0.2)
    assert ((mixed.numpy() > 0) & (mixed.numpy() < 1)).any()
