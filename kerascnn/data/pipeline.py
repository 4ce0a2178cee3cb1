"""Batches for training and evaluation, as tf.data streams.

Every random choice is a function of (seed, epoch, position in the epoch), so that a stream can be
repeated, taken up again in the middle of an epoch, and does not depend on the parallelism.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any, Literal

import numpy as np

from kerascnn.augment import framing
from kerascnn.augment.batch import batch_function
from kerascnn.augment.spec import AugmentSpec
from kerascnn.backend import graph_native, tf
from kerascnn.data import images, order
from kerascnn.data.cache import decoded
from kerascnn.data.dataset import ArrayImages, FileImages, ImageData, RecordImages, Split
from kerascnn.data.decoding import CORES, Shape, in_order, label_tensor, reader
from kerascnn.data.order import Order
from kerascnn.data.stages import Stages
from kerascnn.data.untuned import untuned
from kerascnn.errors import UserError

_AHEAD = 8  # batches that are ready, at most
_FOR_EVER = 2**62


def training_batches(
    data: ImageData,
    augment: AugmentSpec,
    *,
    batch_size: int,
    seed: int,
    epoch: int = 0,
    step: int = 0,
    balance: Literal["none", "weights", "oversample"] | None = None,
    class_weights: Mapping[str, float] | None = None,
    parallel_calls: int | None = None,
    stages: Stages | None = None,
) -> tf.data.Dataset:
    """An endless stream of shuffled, augmented batches of the training split.

    Sets kept decoded, and folders, are shuffled whole; records of TFDS that are streamed come
    from files in shuffled order through a buffer of `data.shuffle_buffer` examples.

    Args:
        data: From `load`.
        augment: How images are varied.
        batch_size: An epoch is ceil(size / batch_size) batches, the last one smaller.
        seed: The seed of shuffling and augmentation.
        epoch: To start with, from 0.
        step: The step of that epoch to start with; the stream goes on exactly as one started at 0.
        balance: Instead of the data spec's.
        class_weights: Of images, by the name of their class, beside those that balance; 1 unless
            given.
        parallel_calls: Images decoded at once, or batches gathered; as many as cores if None.
        stages: Times reading and augmenting; the batches are the same.

    Returns:
        (images uint8 (B, H, W, C), labels int32 (B,), or float32 (B, classes) where augmentation
        mixes images or an image may have several labels); a third part, weights float32 (B,), where
        classes have some.

    Raises:
        UserError: If streamed records are to be oversampled.
    """
    split = data.splits["train"]
    balance = balance or data.spec.balance
    steps = math.ceil(split.size / batch_size)
    streamed = bool(augment.framing and data.sizes_differ and data.spec.cache == "auto")
    kept = None if streamed else decoded(data, split, data.image_shape)
    vary = _vary(augment, data, seed, framed=kept is None)
    if stages and len(augment.operations) > (len(augment.framing) if kept is None else 0):
        vary = stages.augmenting.timed(vary, lambda results: tf.shape(results[0])[0])
    weights = None
    if balance == "weights" or class_weights:
        even = _even_weights(split.labels, len(data.classes)) if balance == "weights" else 1.0
        own = [(class_weights or {}).get(name, 1.0) for name in data.classes]
        weights = tf.constant(even * np.array(own), tf.float32)

    def finish(number: tf.Tensor, pixels: tf.Tensor, labels: tf.Tensor) -> tuple[tf.Tensor, ...]:
        start = number % steps * batch_size
        positions = tf.range(start, tf.minimum(start + batch_size, split.size))
        count = tf.shape(positions)[0]  # of the slots, those that are not empty
        pixels, labels = vary(pixels[:count], labels[:count], positions, number // steps)
        if weights is None:
            return pixels, labels
        if labels.shape.rank == 2:
            return pixels, labels, tf.linalg.matvec(labels, weights)
        return pixels, labels, tf.gather(weights, labels)

    if balance == "oversample":
        if kept is None and isinstance(split.images, RecordImages):
            raise UserError(
                "data.balance: streamed TFDS sets cannot be oversampled: use weights, or keep the "
                "images decoded with data.cache=memory or data.cache=disk"
            )
        chosen = order.balanced(split.labels, seed)
    else:
        chosen = order.shuffled(split.size, seed)
    calls = parallel_calls or CORES
    first = epoch * steps + step
    if kept is not None:
        if stages and split.read_rate:
            stages.reading.add(split.size / split.read_rate, split.size)
        gather = _gather(kept, split)

        @graph_native
        def batch(number: tf.Tensor) -> tuple[tf.Tensor, ...]:
            start = number % steps * batch_size
            positions = tf.range(start, tf.minimum(start + batch_size, split.size))
            return finish(number, *gather(chosen(number // steps, positions)))

        batches = tf.data.Dataset.range(first, _FOR_EVER).map(batch, num_parallel_calls=calls)
    else:
        slots = steps * batch_size  # an epoch's, the empty ones at its end included
        read = reader(data, split, augment, data.image_shape, slots)
        if stages:
            read = stages.reading.timed(read, lambda results: 1)
        if isinstance(split.images, FileImages):
            handles = _file_slots(split.size, chosen, slots, first, batch_size)
        else:
            assert isinstance(split.images, RecordImages)
            buffer, skip = data.spec.shuffle_buffer, step * batch_size
            handles = _record_slots(split.images, seed, buffer, slots, epoch, skip)
            handles = handles.batch(batch_size)
        if augment.framing:
            handles = handles.map(graph_native(_with_framing(augment, seed, slots)))
        batches = (
            handles.unbatch()
            .map(graph_native(read), num_parallel_calls=calls)
            .batch(batch_size, drop_remainder=True)
            .enumerate(first)
            .map(
                graph_native(lambda number, images: finish(number, *images)),
                num_parallel_calls=calls,
            )
        )
    return untuned(batches.prefetch(_AHEAD))


def evaluation_batches(
    data: ImageData,
    split_name: str,
    *,
    batch_size: int,
    image_shape: Shape | None = None,
    parallel_calls: int | None = None,
) -> tf.data.Dataset:
    """The images of a split in order, each once, without augmentation.

    Args:
        data: From `load`.
        split_name: "train", "validation" or "test".
        batch_size: The last batch may be smaller.
        image_shape: Instead of the model's, to cut test-time views from.
        parallel_calls: Images decoded at once, or batches gathered; as many as cores if None.

    Returns:
        (images uint8 (B, H, W, C), labels int32 (B,), or float32 (B, classes) where images have
        several).
    """
    split = data.splits[split_name]
    calls = parallel_calls or CORES
    shape = image_shape or data.image_shape
    kept = decoded(data, split, shape)
    if kept is None:
        return in_order(data, split, shape, batch_size, calls).prefetch(_AHEAD)
    gather = _gather(kept, split)

    @graph_native
    def batch(number: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        start = number * batch_size
        pixels, labels = gather(tf.range(start, tf.minimum(start + batch_size, split.size)))
        return images.fit(pixels, shape, data.spec.resize), labels

    numbers = tf.data.Dataset.range(math.ceil(split.size / batch_size))
    return untuned(numbers.map(batch, num_parallel_calls=calls).prefetch(_AHEAD))


def pictures(data: ImageData, split_name: str, numbers: np.ndarray) -> np.ndarray:
    """Returns some images of a split as the model gets them, uint8 (N, H, W, C).

    Args:
        data: From `load`.
        split_name: "train", "validation" or "test".
        numbers: Which, ascending.
    """
    split = data.splits[split_name]
    if isinstance(split.images, ArrayImages):
        return split.images.part(numbers).pixels
    part = Split(split.name, split.labels[numbers], split.images.part(numbers))
    read = in_order(data, part, data.image_shape, batch_size=16).as_numpy_iterator()
    return np.concatenate([pixels for pixels, _ in read])


def _vary(augment: AugmentSpec, data: ImageData, seed: int, framed: bool) -> Callable[..., Any]:
    """Returns (images, labels, positions, epoch) -> augmented images and labels."""
    vary = batch_function(augment, data.image_shape, len(data.classes), framed=framed)
    key = tf.constant(seed, tf.int64)
    return lambda images, labels, positions, epoch: vary(images, labels, positions, key, epoch)


def _even_weights(labels: np.ndarray, classes: int) -> np.ndarray:
    """Weights that give every class the same sum, 1 on average over the images."""
    counts = np.bincount(labels, minlength=classes)
    present = np.count_nonzero(counts)
    weights: np.ndarray = len(labels) / (present * np.maximum(counts, 1))
    return weights


def _gather(kept: Any, split: Split) -> Callable[[tf.Tensor], tuple[tf.Tensor, tf.Tensor]]:
    """Returns indices -> (images, labels) of what is kept decoded."""
    with tf.device("CPU"):
        labels = label_tensor(split.labels)
    if tf.is_tensor(kept):
        return lambda chosen: (tf.gather(kept, chosen), tf.gather(labels, chosen))

    def from_disk(chosen: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        images = tf.numpy_function(lambda rows: kept[rows], [chosen], tf.uint8, stateful=False)
        return tf.ensure_shape(images, (None, *kept.shape[1:])), tf.gather(labels, chosen)

    return from_disk


def _with_framing(
    augment: AugmentSpec, seed: int, slots: int
) -> Callable[..., tuple[tf.Tensor, ...]]:
    """Returns what adds to a batch of (slots' numbers, handles) the numbers of their framing."""
    key = tf.constant(seed, tf.int64)

    def add(numbers: tf.Tensor, handles: tf.Tensor) -> tuple[tf.Tensor, ...]:
        epoch, positions = numbers[0] // slots, numbers % slots
        drawn = framing.framing_numbers(augment, seed=key, epoch=epoch, positions=positions)
        return numbers, handles, drawn

    return add


def _file_slots(
    size: int, chosen: Order, slots: int, first: int, batch_size: int
) -> tf.data.Dataset:
    """An endless stream of batches of (slots' numbers, indices of the files)."""

    @graph_native
    def batch(number: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        numbers = number * batch_size + tf.range(batch_size, dtype=tf.int64)
        positions = tf.minimum(numbers % slots, size - 1)  # an empty slot's is never read
        return numbers, chosen(numbers[0] // slots, positions)

    return tf.data.Dataset.range(first, _FOR_EVER).map(batch)


def _record_slots(
    images: RecordImages, seed: int, buffer: int, slots: int, epoch: int, skip: int
) -> tf.data.Dataset:
    """An endless stream of (slot's number, record), the first epoch without its first records."""

    @graph_native
    def records(number: tf.Tensor) -> tf.data.Dataset:
        # Of this function's graph alone. The order must not follow from the global seed, and where
        # that is 0 TensorFlow would compare the number below, which is symbolic, with 0 in Python.
        tf.random.set_seed(1)
        shuffled = images.files.records(images.rows, key=(seed, number)).shuffle(
            buffer, seed=seed * 1_000_003 + number, reshuffle_each_iteration=False
        )
        empty = tf.data.Dataset.from_tensors("").repeat(slots - len(images.rows))
        numbers = tf.data.Dataset.range(number * slots, (number + 1) * slots)
        passed = tf.where(number == epoch, tf.constant(skip, tf.int64), 0)
        return tf.data.Dataset.zip(numbers, shuffled.concatenate(empty)).skip(passed)

    return tf.data.Dataset.range(epoch, _FOR_EVER).flat_map(records)
