"""Dropout over all masks, against enumeration and what the papers say."""

from __future__ import annotations

import itertools

import keras
import numpy as np
import pytest

from kerascnn.lectures.dropout import (
    averages,
    drawn_masks,
    every_mask,
    inverted_means,
    logits_of,
    random_net,
    running_means,
    softmax,
)

X = np.array([0.5, -1.0, 2.0])


def test_every_mask_is_there_once() -> None:
    masks = every_mask(4)
    assert sorted(map(tuple, masks.tolist())) == sorted(itertools.product([0, 1], repeat=4))


def test_a_mask_takes_units_out_as_if_they_were_not_there() -> None:
    net = random_net(3, (4, 3), 2)
    mask = np.array([[1, 0, 1, 1, 0, 1, 1]])
    first, second = [0, 2, 3], [1, 2]
    values = 1 / (1 + np.exp(-(X @ net.weights[0][:, first] + net.biases[0][first])))
    values = values @ net.weights[1][np.ix_(first, second)] + net.biases[1][second]
    logits = 1 / (1 + np.exp(-values)) @ net.weights[2][second] + net.biases[2]
    assert logits_of(net, X, mask)[0] == pytest.approx(logits)


@pytest.mark.parametrize("keep", [0.5, 0.8])
def test_the_mean_over_masks_one_by_one(keep: float) -> None:
    net = random_net(3, (3, 2), 2, seed=1)
    mean = np.zeros(2)
    for mask in itertools.product([0, 1], repeat=5):
        chance = np.prod([keep if unit else 1 - keep for unit in mask])
        mean += chance * softmax(logits_of(net, X, np.array([mask])))[0]
    assert averages(net, X, keep).arithmetic == pytest.approx(mean)


@pytest.mark.parametrize("keep", [0.3, 0.5, 0.9])
def test_with_one_hidden_layer_scaled_weights_are_exact(keep: float) -> None:
    """The logits' mean, and so the renormalized geometric mean (Hinton et al. 2012)."""
    found = averages(random_net(3, (8,), 4, seed=2), X, keep)
    assert found.scaled_logits == pytest.approx(found.mean_logits, abs=1e-12)
    assert found.scaled == pytest.approx(found.geometric, abs=1e-12)
    assert np.abs(found.scaled - found.arithmetic).max() > 1e-3, "but not the arithmetic one"


def test_with_two_they_are_near() -> None:
    found = averages(random_net(3, (6, 6), 4, seed=2), X, 0.5)
    gap = np.abs(found.scaled_logits - found.mean_logits).max()
    assert 1e-5 < gap < 0.1
    assert found.scaled == pytest.approx(found.arithmetic, abs=0.05)


def test_all_kept_is_the_net_itself() -> None:
    net = random_net(3, (4,), 2)
    whole = softmax(logits_of(net, X, np.ones((1, 4))))[0]
    found = averages(net, X, 1.0)
    for share in (found.arithmetic, found.geometric, found.scaled):
        assert share == pytest.approx(whole)


def test_the_mean_over_drawn_masks_goes_to_that_over_all() -> None:
    net = random_net(3, (5, 5), 3)
    exact = averages(net, X, 0.5).arithmetic
    means = running_means(net, X, 0.5, 20_000)
    assert means.shape == (20_000, 3)
    assert means[-1] == pytest.approx(exact, abs=0.01)
    assert np.abs(means[-1] - exact).max() < np.abs(means[0] - exact).max() / 5
    assert drawn_masks(10_000, 3, 0.7).mean(axis=0) == pytest.approx(0.7, abs=0.02)


@pytest.mark.parametrize("keep", [0.5, 0.75])
def test_keras_divides_in_training_and_is_equal_in_expectation(keep: float) -> None:
    values = np.array([0.2, 0.9, 0.5, 0.7])
    once = inverted_means(values, keep, 1)[0]
    assert all(x == pytest.approx(0) or x == pytest.approx(v / keep)
               for x, v in zip(once, values, strict=True))  # fmt: skip
    assert inverted_means(values, keep, 40_000)[-1] == pytest.approx(values, rel=0.02)
    layer = keras.layers.Dropout(1 - keep)
    assert np.asarray(layer(values.astype("float32"))) == pytest.approx(values)
