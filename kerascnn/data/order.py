"""In which order the examples of an epoch come: functions of (seed, epoch, position) alone.

Permutations are computed position by position with a block cipher, so that neither an epoch's
order nor what came before it has to be kept to go on from the middle of an epoch.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from kerascnn.backend import tf

Order = Callable[["tf.Tensor", "tf.Tensor"], "tf.Tensor"]  # TensorFlow is not imported yet

# What a permutation is for; part of its key, so that no two uses share one.
EXAMPLES, FILES, CLASSES, WITHIN_CLASS = range(4)


def permuted(index: tf.Tensor, size: int | tf.Tensor, keys: list[int | tf.Tensor]) -> tf.Tensor:
    """Returns where a pseudo-random permutation of 0..size-1 sends each index.

    Args:
        index: int64, a scalar or (N,).
        size: The number of things that are permuted; scalar, or (N,).
        keys: Three numbers that name the permutation; scalars, or (N,).
    """
    size = tf.cast(size, tf.int64)
    keys = [tf.broadcast_to(tf.cast(key, tf.int64), tf.shape(size)) for key in keys]
    return tf.raw_ops.RandomIndexShuffle(
        index=index, seed=tf.stack(keys, axis=-1), max_index=size - 1, rounds=4
    )


def shuffled(size: int, seed: int) -> Order:
    """Returns (epoch, positions) -> examples: each once an epoch, in a new order."""
    return lambda epoch, positions: permuted(positions, size, [seed, epoch, EXAMPLES])


def balanced(labels: np.ndarray, seed: int) -> Order:
    """Returns (epoch, positions) -> examples: every class equally often.

    An epoch keeps its length. An example of a small class comes again only when all of its class
    have come; a large class shows a different part of its examples in each epoch.
    """
    counts = np.bincount(labels)
    classes = np.flatnonzero(counts)
    counts = counts[classes]
    starts = np.concatenate([[0], np.cumsum(counts)[:-1]])
    examples = tf.constant(np.argsort(labels, kind="stable"), tf.int64)
    sizes, offsets = tf.constant(counts, tf.int64), tf.constant(starts, tf.int64)
    number, size = len(classes), len(labels)

    def order(epoch: tf.Tensor, positions: tf.Tensor) -> tf.Tensor:
        # Classes take turns, from one epoch on into the next; within an epoch turns are shuffled.
        turn = epoch * size + permuted(positions, size, [seed, epoch, CLASSES])
        chosen, draw = turn % number, turn // number
        within = tf.gather(sizes, chosen)
        place = permuted(
            draw % within, within, [seed * number + chosen, draw // within, WITHIN_CLASS]
        )
        return tf.gather(examples, tf.gather(offsets, chosen) + place)

    return order
