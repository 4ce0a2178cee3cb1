from __future__ import annotations

import numpy as np
import pytest

from kerascnn.augment.spec import AugmentSpec
from kerascnn.data.loading import load
from kerascnn.data.spec import DataSpec
from kerascnn.visualization.augmentation import describe, sample


@pytest.fixture(scope="module")
def digits():
    return load(DataSpec(name="digits"))


def test_copies_are_those_of_the_original_in_their_row(digits):
    flip = AugmentSpec(operations=[{"name": "horizontal-flip", "probability": 1}])
    pixels, shown, labels = sample(digits, flip, originals=12, copies=3, seed=0)
    assert pixels.shape == (12, 32, 32, 1)
    for copy in range(3):
        np.testing.assert_array_equal(shown[:, copy], pixels[:, :, ::-1])
    assert sorted(names[0] for names in labels) == sorted([*map(str, range(10)), "0", "1"])
    assert all(names == [names[0]] * 4 for names in labels)


def test_mixed_labels_are_in_words(digits):
    mixup = AugmentSpec(operations=[{"name": "mixup", "alpha": 8}])
    labels = sample(digits, mixup, originals=6, copies=1, seed=0)[2]
    for own, mixed in labels:
        first, second = mixed.split("\n")
        assert {own} < {first.split()[0], second.split()[0]}
        assert float(first.split()[1]) + float(second.split()[1]) == pytest.approx(1)


def test_shares_of_one_class_are_added_up():
    names = ("cat", "dog", "cat", "bird")
    assert describe(np.array([0.4, 0.28, 0.3, 0.02]), names) == "cat 0.7\ndog 0.3"
    assert describe(np.array([0.7, 0, 0.3, 0]), names) == "cat"
