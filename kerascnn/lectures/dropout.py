"""Dropout in a net so small that every mask can be tried.

In training x = B sigma(sum W x + b), with B = 1 of probability alpha, else 0; at test time the
weights on the units are multiplied by alpha (Hinton et al. 2012; Srivastava et al. 2014, section
4). For one hidden layer the logits are then the mean over all masks, exactly, and the answer is the
renormalized geometric mean of the answers; for more of them both are approximations.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from kerascnn.backend import keras


@dataclass(frozen=True)
class Net:
    """Sigmoid units in layers, and a softmax over what comes out.

    Attributes:
        weights: Of each layer, (inputs, units).
        biases: Likewise, (units,).
    """

    weights: tuple[np.ndarray, ...]
    biases: tuple[np.ndarray, ...]

    @property
    def hidden(self) -> tuple[int, ...]:
        """Units of the hidden layers, those that are dropped."""
        return tuple(len(bias) for bias in self.biases[:-1])


def random_net(inputs: int, hidden: Sequence[int], outputs: int, *, seed: int = 0) -> Net:
    """Returns a net with weights from N(0, 4 / inputs) and biases from N(0, 1/4)."""
    draws = np.random.default_rng(seed)
    sizes = [inputs, *hidden, outputs]
    pairs = list(itertools.pairwise(sizes))
    return Net(
        tuple(draws.normal(0, 2 / np.sqrt(above), (above, units)) for above, units in pairs),
        tuple(draws.normal(0, 0.5, units) for _, units in pairs),
    )


def logits_of(net: Net, x: np.ndarray, factors: np.ndarray) -> np.ndarray:
    """Returns what comes out, before the softmax.

    Args:
        net: The net.
        x: Its input, (inputs,).
        factors: That the hidden units are multiplied by, layer after layer, (M, units of all hidden
            layers): masks of 0 and 1, or alpha.

    Returns:
        (M, outputs).
    """
    values = np.broadcast_to(x, (len(factors), len(x)))
    places = np.cumsum([0, *net.hidden])
    for layer, (start, end) in enumerate(itertools.pairwise(places)):
        units = 1 / (1 + np.exp(-(values @ net.weights[layer] + net.biases[layer])))
        values = units * factors[:, start:end]
    logits: np.ndarray = values @ net.weights[-1] + net.biases[-1]
    return logits


def softmax(logits: np.ndarray) -> np.ndarray:
    """Returns probabilities over the last axis."""
    powers = np.exp(logits - logits.max(-1, keepdims=True))
    shares: np.ndarray = powers / powers.sum(-1, keepdims=True)
    return shares


def every_mask(units: int) -> np.ndarray:
    """Returns all masks of so many units, float (2^units, units)."""
    numbers = np.arange(2**units)[:, np.newaxis]
    return (numbers >> np.arange(units) & 1).astype(float)


def drawn_masks(count: int, units: int, keep: float, *, seed: int = 0) -> np.ndarray:
    """Returns masks with each unit kept with a probability, float (count, units)."""
    return (np.random.default_rng(seed).random((count, units)) < keep).astype(float)


@dataclass(frozen=True)
class Averages:
    """What a net says with dropout, in four ways.

    Attributes:
        arithmetic: The mean of the probabilities over all masks, each by how likely it is,
            (outputs,).
        geometric: Their geometric mean, made to add up to 1.
        scaled: The probabilities of one pass with weights times alpha.
        mean_logits: The mean of the logits over all masks.
        scaled_logits: The logits of that one pass.
    """

    arithmetic: np.ndarray
    geometric: np.ndarray
    scaled: np.ndarray
    mean_logits: np.ndarray
    scaled_logits: np.ndarray


def averages(net: Net, x: np.ndarray, keep: float) -> Averages:
    """Compares one pass with scaled weights to the mean over all masks, exactly.

    Args:
        net: With at most 16 hidden units: every one of their 2^n masks is tried.
        x: (inputs,).
        keep: alpha, the probability that a unit is kept.
    """
    count = sum(net.hidden)
    assert count <= 16
    masks = every_mask(count)
    kept = masks.sum(axis=1)
    chances = keep**kept * (1 - keep) ** (count - kept)
    logits = logits_of(net, x, masks)
    shares = softmax(logits)
    scaled = logits_of(net, x, np.full((1, count), keep))[0]
    return Averages(
        chances @ shares,
        softmax(chances @ np.log(shares)),
        softmax(scaled),
        chances @ logits,
        scaled,
    )


def running_means(net: Net, x: np.ndarray, keep: float, count: int, *, seed: int = 0) -> np.ndarray:
    """Returns the mean probabilities over 1, 2, ... drawn masks, (count, outputs)."""
    shares = softmax(logits_of(net, x, drawn_masks(count, sum(net.hidden), keep, seed=seed)))
    means: np.ndarray = shares.cumsum(axis=0) / np.arange(1, count + 1)[:, np.newaxis]
    return means


def inverted_means(values: np.ndarray, keep: float, count: int, *, seed: int = 0) -> np.ndarray:
    """Returns the mean of Keras's dropout over 1, 2, ... passes.

    `keras.layers.Dropout` divides what it keeps by alpha in training, and changes nothing in
    inference: the mean goes to the values themselves.

    Args:
        values: Of some units, (units,).
        keep: alpha.
        count: Passes.
        seed: Of the masks.

    Returns:
        (count, units).
    """
    layer = keras.layers.Dropout(1 - keep, seed=seed)
    passes = np.broadcast_to(values.astype(np.float32), (count, len(values)))
    dropped = np.asarray(layer(passes, training=True), np.float64)
    means: np.ndarray = dropped.cumsum(axis=0) / np.arange(1, count + 1)[:, np.newaxis]
    return means
