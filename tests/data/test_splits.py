"""Stratified cuts."""

from __future__ import annotations

import numpy as np
import pytest

from kerascnn.data.splits import check_folds, cut, fold
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


def test_folds_divide_every_class_alike() -> None:
    labels = np.random.default_rng(0).permutation(np.repeat([0, 1, 2], [50, 31, 5]))
    parts = [fold(labels, 5, number, 0, "abc") for number in range(1, 6)]
    for kept, taken in parts:
        assert sorted([*kept, *taken]) == list(range(86))
        assert np.bincount(labels[taken]).tolist() in ([10, 6, 1], [10, 7, 1])
    assert sorted(np.concatenate([taken for _, taken in parts])) == list(range(86))
    again = fold(labels, 5, 2, 0, "abc")[1]
    np.testing.assert_array_equal(parts[1][1], again)
    assert len(set(again) ^ set(fold(labels, 5, 2, 1, "abc")[1]))


def test_more_folds_than_a_class_has_images() -> None:
    labels = np.repeat([0, 1], [9, 4])
    message = "data.folds: 5 folds need 5 images of every class, and 'b' has 4"
    for refuse in (lambda: check_folds(labels, 5, "ab"), lambda: fold(labels, 5, 1, 0, "ab")):
        with pytest.raises(UserError, match=message):
            refuse()
    check_folds(labels, 4, "ab")
    with pytest.raises(UserError, match="2 folds need 4 images of every class, and 'b' has 3"):
        check_folds(labels[:-1], 2, "ab")


def _sets(size: int = 600) -> np.ndarray:
    """Labels of very different frequency, some of which go together."""
    random = np.random.default_rng(3)
    labels = random.random((size, 6)) < [0.5, 0.3, 0.2, 0.1, 0.05, 0.02]
    labels[:, 4] |= labels[:, 5]
    labels[:12] = False
    return labels.astype(np.float32)


def test_every_label_gives_its_share() -> None:
    labels = _sets()
    kept, taken = cut(labels, 0.1, 0, "abcdef", "validation")
    assert sorted([*kept, *taken]) == list(range(600))
    assert (np.diff(kept) > 0).all()
    assert (np.diff(taken) > 0).all()
    assert len(taken) == pytest.approx(60, abs=2)
    counts = labels.sum(axis=0)
    np.testing.assert_allclose(labels[taken].sum(axis=0), 0.1 * counts, atol=1.5)
    assert (~labels[taken].any(axis=1)).sum() == pytest.approx(0.1 * (~labels.any(1)).sum(), abs=3)


def test_the_rarest_labels_are_on_both_sides() -> None:
    labels = np.zeros((40, 3), np.float32)
    labels[:, 0], labels[:2, 1], labels[10:13, 2] = 1, 1, 1
    for seed in range(20):
        kept, taken = cut(labels, 0.1, seed, "abc", "test")
        assert labels[kept].any(axis=0).all()
        assert labels[taken].any(axis=0).all()


def test_the_seed_decides_of_label_sets_too() -> None:
    labels = _sets()
    first = cut(labels, 0.2, 0, "abcdef", "test")[1]
    np.testing.assert_array_equal(first, cut(labels, 0.2, 0, "abcdef", "test")[1])
    other = cut(labels, 0.2, 1, "abcdef", "test")[1]
    assert len(first) != len(other) or (first != other).any()


def test_a_label_of_one_image_cannot_be_divided() -> None:
    labels = np.zeros((4, 2), np.float32)
    labels[:, 0], labels[0, 1] = 1, 1
    with pytest.raises(UserError, match=r"every class needs at least 2, got b \(1\)"):
        cut(labels, 0.5, 0, "ab", "test")
