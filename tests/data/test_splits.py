"""Stratified cuts."""

from __future__ import annotations

import numpy as np
import pytest

from kerascnn.data.splits import cut
from kerascnn.errors import UserError


def test_every_class_gives_its_share() -> None:
    labels = np.random.default_rng(0).permutation(np.repeat([0, 1, 2], [500, 300, 40]))
    kept, taken = cut(labels, 0.1, 0, "abc", "validation")
    assert sorted([*kept, *taken]) == list(range(840))
    assert np.bincount(labels[taken]).tolist() == [50, 30, 4]
    assert (np.diff(kept) > 0).all()
    assert (np.diff(taken) > 0).all()


def test_the_seed_decides() -> None:
    labels = np.repeat([0, 1], 50)
    first = cut(labels, 0.2, 0, "ab", "test")[1]
    np.testing.assert_array_equal(first, cut(labels, 0.2, 0, "ab", "test")[1])
    assert (first != cut(labels, 0.2, 1, "ab", "test")[1]).any()


def test_too_few() -> None:
    with pytest.raises(UserError, match=r"cut a test split: every class .* 2, got b \(1\)"):
        cut(np.array([0, 0, 0, 1]), 0.5, 0, "ab", "test")
    with pytest.raises(UserError, match=r"data\.validation_fraction: 0\.9 of 8 images leaves 1, "):
        cut(np.repeat([0, 1], 4), 0.9, 0, "ab", "validation")


def test_small_sets_give_an_image_for_each_class() -> None:
    labels = np.repeat([0, 1], 4)
    assert labels[cut(labels, 0.1, 0, "ab", "validation")[1]].tolist() == [0, 1]
