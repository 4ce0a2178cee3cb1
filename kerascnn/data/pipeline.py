"""Batches for training and evaluation, as tf.data streams.

Every random choice is a function of (seed, epoch, position in the epoch), so that a stream can be
repeated, and taken up again in the middle of an epoch.
"""

from __future__ import annotations

import math

from kerascnn.backend import tf
from kerascnn.data.dataset import ImageData, Split
from kerascnn.recipe import AugmentSpec


def _shuffled(positions: tf.Tensor, size: int, seed: int, epoch: tf.Tensor) -> tf.Tensor:
    """Which example comes at each position of an epoch: a permutation of 0..size-1."""
    key = tf.stack([tf.constant(seed, tf.int64), epoch, tf.constant(0, tf.int64)])
    return tf.raw_ops.RandomIndexShuffle(
        index=positions, seed=key, max_index=tf.constant(size - 1, tf.int64), rounds=4
    )


def _in_memory(split: Split) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    with tf.device("CPU"):
        return (
            tf.constant(split.images.pixels),
            tf.constant(split.images.rows),
            tf.constant(split.labels, tf.int32),
        )


def training_batches(
    data: ImageData,
    augment: AugmentSpec,
    *,
    batch_size: int,
    seed: int,
    epoch: int = 0,
    step: int = 0,
) -> tf.data.Dataset:
    """An endless stream of shuffled, augmented batches of the training split.

    Args:
        data: From `load`.
        augment: How images are varied.
        batch_size: An epoch is ceil(size / batch_size) batches, the last one smaller.
        seed: Of shuffling and augmentation.
        epoch: To start with, from 0.
        step: Of that epoch to start with; the stream goes on exactly as one started at 0.

    Returns:
        (images uint8 (B, H, W, C), labels int32 (B,)).
    """
    split = data.splits["train"]
    steps = math.ceil(split.size / batch_size)
    pixels, rows, labels = _in_memory(split)

    def batch(number: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        epoch, start = number // steps, number % steps * batch_size
        positions = tf.range(start, tf.minimum(start + batch_size, split.size))
        chosen = _shuffled(positions, split.size, seed, epoch)
        return tf.gather(pixels, tf.gather(rows, chosen)), tf.gather(labels, chosen)

    numbers = tf.data.Dataset.range(epoch * steps + step, tf.int64.max)
    return numbers.map(batch, num_parallel_calls=tf.data.AUTOTUNE).prefetch(tf.data.AUTOTUNE)


def evaluation_batches(data: ImageData, split_name: str, *, batch_size: int) -> tf.data.Dataset:
    """The images of a split in order, each once, without augmentation.

    Returns:
        (images uint8 (B, H, W, C), labels int32 (B,)); the last batch may be smaller.
    """
    split = data.splits[split_name]
    pixels, rows, labels = _in_memory(split)
    steps = math.ceil(split.size / batch_size)

    def batch(number: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        start = number * batch_size
        chosen = tf.range(start, tf.minimum(start + batch_size, split.size))
        return tf.gather(pixels, tf.gather(rows, chosen)), tf.gather(labels, chosen)

    batches = tf.data.Dataset.range(steps).map(batch, num_parallel_calls=tf.data.AUTOTUNE)
    return batches.prefetch(tf.data.AUTOTUNE)
