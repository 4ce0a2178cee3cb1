"""Permutations and balanced orders."""

from __future__ import annotations

import numpy as np
import pytest

from kerascnn.backend import tf
from kerascnn.data.order import balanced, permuted, shuffled


def _epoch(order, size: int, epoch: int) -> np.ndarray:
    return order(tf.constant(epoch, tf.int64), tf.range(size, dtype=tf.int64)).numpy()


@pytest.mark.parametrize("size", [1, 2, 3, 10, 1000, 4097])
def test_an_epoch_is_a_permutation(size: int) -> None:
    order = shuffled(size, seed=5)
    for epoch in (0, 1, 77):
        assert sorted(_epoch(order, size, epoch)) == list(range(size))


def test_orders_look_random() -> None:
    size, epochs = 1000, 200
    orders = np.stack([_epoch(shuffled(size, seed=1), size, e) for e in range(epochs)])
    # Where an example comes is uniform: mean and spread over epochs, within 5 standard errors.
    places = np.argsort(orders, axis=1)
    spread = size / np.sqrt(12)
    error = np.abs(places.mean(axis=0) - (size - 1) / 2) / (spread / np.sqrt(epochs))
    assert error.max() < 5
    # Neighbours in the data are no neighbours in an epoch, and epochs do not resemble each other.
    assert np.abs(np.corrcoef(orders)[np.triu_indices(epochs, 1)]).max() < 5 / np.sqrt(size)
    following = np.abs(np.diff(orders, axis=1)) == 1
    assert following.mean() < 4 * 2 / size


def test_seeds_and_keys_name_permutations() -> None:
    first = _epoch(shuffled(100, seed=1), 100, 0)
    assert (first != _epoch(shuffled(100, seed=2), 100, 0)).any()
    np.testing.assert_array_equal(first, _epoch(shuffled(100, seed=1), 100, 0))


def test_permutations_of_several_sizes_at_once() -> None:
    sizes = tf.constant([3] * 3 + [5] * 5, tf.int64)
    index = tf.constant([0, 1, 2, 0, 1, 2, 3, 4], tf.int64)
    sent = permuted(index, sizes, [1, 2, 3]).numpy()
    assert sorted(sent[:3]) == [0, 1, 2]
    assert sorted(sent[3:]) == [0, 1, 2, 3, 4]


def test_balanced_takes_classes_in_turn() -> None:
    labels = np.repeat([0, 1, 3], [50, 5, 8])  # class 2 has no examples
    order = balanced(labels, seed=2)
    shown = [_epoch(order, len(labels), epoch) for epoch in range(10)]
    for epoch in shown:
        assert np.bincount(labels[epoch], minlength=4)[[0, 1, 3]].tolist() == [21, 21, 21]
    times = np.bincount(np.concatenate(shown), minlength=len(labels))
    for label in (0, 1, 3):
        assert np.ptp(times[labels == label]) <= 1
    assert (shown[0] != shown[1]).any()
