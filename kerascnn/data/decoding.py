"""From where images are kept, one after the other, to pixels of one size with their labels."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np

from kerascnn.augment import framing
from kerascnn.augment.spec import AugmentSpec
from kerascnn.backend import graph_native, tf
from kerascnn.data import images, reading
from kerascnn.data.dataset import FileImages, ImageData, RecordImages, Split
from kerascnn.data.untuned import untuned

Shape = tuple[int, int, int]

CORES = os.cpu_count() or 1  # tf.data's own tuning starts at one and takes long to get there

# (slot's number, image's handle, framing's numbers) -> (pixels, label); a handle is a file's index
# or a record.
Read = Callable[..., "tuple[tf.Tensor, tf.Tensor]"]

# (contents, whether JPEG, decoder of the whole image, label)
_Encoded: TypeAlias = "tuple[tf.Tensor, tf.Tensor, Callable[[], tf.Tensor], tf.Tensor]"


def in_order(
    data: ImageData, split: Split, image_shape: Shape, batch_size: int, calls: int = CORES
) -> tf.data.Dataset:
    """Batches of every image of a split that is not kept decoded, once, with its label."""
    source, mode = split.images, data.spec.resize
    if isinstance(source, FileImages):
        files = tf.data.Dataset.from_tensor_slices(_files(source, split.labels))
        read = _whole_file(image_shape, mode)
        each = graph_native(lambda label, *file: (read(*file), label))
        return untuned(files).map(each, num_parallel_calls=calls).batch(batch_size)
    assert isinstance(source, RecordImages)
    records = source.files

    @graph_native
    def decode(contents: tf.Tensor, labels: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        pixels = tf.map_fn(
            lambda content: images.fit(
                reading.record_pixels(content, records.image_shape), image_shape, mode
            ),
            contents,
            fn_output_signature=tf.TensorSpec(image_shape, tf.uint8),
        )
        return pixels, labels

    # A loop inside the batch costs small images half of what tf.data takes for single elements.
    return records.examples(source.rows).map(decode, num_parallel_calls=calls).rebatch(batch_size)


@functools.cache
def _whole_file(shape: Shape, mode: images.ResizeMode) -> Callable[..., tf.Tensor]:
    """Returns what reads a file (path, size, decoder) in a shape; all splits share its trace."""

    def read(path: tf.Tensor, size: tf.Tensor, decoder: tf.Tensor) -> tf.Tensor:
        _, _, whole = _encoded_file(path, size, decoder)
        return images.fit(whole(), shape, mode)

    traced: Callable[..., tf.Tensor] = tf.function(read, autograph=False)
    return traced


def reader(data: ImageData, split: Split, augment: AugmentSpec, shape: Shape, slots: int) -> Read:
    """Returns what reads one image in that shape."""
    source = split.images
    if isinstance(source, FileImages):
        encoded = _encoded_files(source, split.labels)
    else:
        assert isinstance(source, RecordImages)
        encoded = _encoded_records(source)

    def image(handle: tf.Tensor, drawn: Any = None) -> tuple[tf.Tensor, tf.Tensor]:
        contents, is_jpeg, whole, label = encoded(handle)
        if not augment.framing:
            return images.fit(whole(), shape, data.spec.resize), label
        box_of = lambda size: framing.crop_box(augment, shape, drawn, size)  # noqa: E731
        pixels = reading.cropped(contents, is_jpeg, whole, shape, box_of)
        return framing.mirrored(augment, drawn, pixels), label

    if slots == split.size:
        return lambda number, *rest: image(*rest)
    empty = (tf.zeros(shape, tf.uint8), tf.zeros_like(label_tensor(split.labels[0])))
    return lambda number, *rest: tf.cond(
        number % slots < split.size, lambda: image(*rest), lambda: empty
    )


def label_tensor(labels: np.ndarray) -> tf.Tensor:
    """Returns labels as batches have them: int32, or float32 where an image may have several."""
    return tf.constant(labels, tf.float32 if labels.dtype == np.float32 else tf.int32)


def _files(source: FileImages, labels: np.ndarray) -> tuple[tf.Tensor, ...]:
    """Returns labels, paths, sizes in bytes and decoders, one for each file."""
    with tf.device("CPU"):
        return (
            label_tensor(labels),
            tf.constant(source.paths),
            tf.constant(source.sizes, tf.int32),
            tf.constant(source.decoders, tf.int32),
        )


def _encoded_files(source: FileImages, label_of: np.ndarray) -> Callable[[tf.Tensor], _Encoded]:
    """Returns what reads a file by its index."""
    labels, *files = _files(source, label_of)

    def encoded(index: tf.Tensor) -> _Encoded:
        return *_encoded_file(*(part[index] for part in files)), labels[index]

    return encoded


def _encoded_file(
    path: tf.Tensor, size: tf.Tensor, decoder: tf.Tensor
) -> tuple[tf.Tensor, tf.Tensor, Callable[[], tf.Tensor]]:
    """Returns a file's contents, whether they are a JPEG image, and what decodes all of it."""
    contents = tf.io.read_file(path)
    same = tf.equal(tf.strings.length(contents), size)
    decoder = tf.where(same, decoder, images.OTHER)  # a file that has changed since
    return contents, tf.equal(decoder, images.JPEG), lambda: reading.file_pixels(contents, decoder)


def _encoded_records(source: RecordImages) -> Callable[[tf.Tensor], _Encoded]:
    """Returns what reads a record."""

    def encoded(record: tf.Tensor) -> _Encoded:
        contents, label = source.files.parse(record)
        whole = lambda: reading.record_pixels(contents, source.files.image_shape)  # noqa: E731
        return contents, tf.io.is_jpeg(contents), whole, label

    return encoded
