"""The images of a split, seen in several views each."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from kerascnn.augment.spec import AugmentSpec
from kerascnn.augment.views import NAMED, ViewSpec
from kerascnn.data.images import decode
from kerascnn.data.loading import load
from kerascnn.data.pipeline import evaluation_batches, training_batches
from kerascnn.data.spec import DataSpec
from kerascnn.data.views import view_batches
from tests.data.splits import array_images, file_images


@pytest.mark.parametrize("cache", ["none", "memory", "disk"])
def test_crops_are_cut_from_larger_images(cache: str, image_folder: Callable[..., Path]) -> None:
    root = image_folder({"a": 10, "b": 10}, sizes=((32, 40),))
    data = load(DataSpec(name=f"folder:{root}", image_size=28, cache=cache))
    training = next(iter(training_batches(data, AugmentSpec(), batch_size=15, seed=0)))[0]
    assert training.shape == (15, 28, 28, 3)
    spec = ViewSpec(**NAMED["ten-crop"])
    for split in ("train", "test"):  # one is kept in the model's size, the other is not yet
        files = [decode(os.fsdecode(path)) for path in file_images(data.splits[split]).paths]
        photos = np.stack(files)[:, :, 4:36]
        (crops, labels), *more = view_batches(data, split, spec, batch_size=15)
        assert not more
        np.testing.assert_array_equal(labels, data.splits[split].labels)
        crops = crops.numpy().reshape(10, len(labels), 28, 28, 3)
        np.testing.assert_array_equal(crops[0], photos[:, :28, :28])
        np.testing.assert_array_equal(crops[4], photos[:, 2:30, 2:30])
        ((central, _),) = view_batches(data, split, spec.central, batch_size=15)
        np.testing.assert_array_equal(central, crops[4])


def test_without_views_the_batches_are_those_of_evaluation() -> None:
    data = load(DataSpec(name="digits"))
    seen = view_batches(data, "test", ViewSpec(), batch_size=100)
    plain = evaluation_batches(data, "test", batch_size=100)
    for (images, labels), (expected, classes) in zip(seen, plain, strict=True):
        np.testing.assert_array_equal(images, expected)
        np.testing.assert_array_equal(labels, classes)


def test_each_view_of_a_batch_comes_in_turn_and_the_last_batch_is_smaller() -> None:
    data = load(DataSpec(name="digits"))
    pixels = array_images(data.splits["test"]).pixels
    batches = list(view_batches(data, "test", ViewSpec(flip=True), batch_size=100))
    assert [len(labels) for _, labels in batches] == [100, 100, 70]
    assert [len(images) for images, _ in batches] == [200, 200, 140]
    np.testing.assert_array_equal(batches[2][0][:70], pixels[200:])
    np.testing.assert_array_equal(batches[2][0][70:], pixels[200:, :, ::-1])
