"""Some images of a split."""

from __future__ import annotations

import numpy as np

from kerascnn.data.loading import load
from kerascnn.data.pipeline import pictures
from kerascnn.data.spec import DataSpec
from kerascnn.inspection.examples import batches, sample


def test_a_sample_is_ascending_without_repeats_and_the_same_again() -> None:
    data = load(DataSpec(name="digits"))
    found = sample(data, "test", 100)
    assert len(found) == 100
    assert (np.diff(found) > 0).all()
    np.testing.assert_array_equal(found, sample(data, "test", 100))
    assert not np.array_equal(found, sample(data, "test", 100, seed=1))
    np.testing.assert_array_equal(sample(data, "test", 10**6), np.arange(270))


def test_batches_are_the_images_in_order() -> None:
    data = load(DataSpec(name="digits"))
    numbers = sample(data, "test", 100)
    found = list(batches(data, "test", numbers, size=30))
    assert [len(batch) for batch in found] == [30, 30, 30, 10]
    pixels = pictures(data, "test", numbers)
    np.testing.assert_array_equal(np.concatenate(found), pixels)
