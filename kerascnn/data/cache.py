"""Decoded images that are kept: in memory where they fit, or in a file."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterator
from typing import Any, Literal

import numpy as np

from kerascnn.backend import tf
from kerascnn.cache import cache_folder, make_room
from kerascnn.data.array_file import ArrayFile, file_size, open_array, write_array
from kerascnn.data.dataset import ArrayImages, ImageData, Split
from kerascnn.data.decoding import Shape, in_order
from kerascnn.data.failure import named_failures
from kerascnn.data.spec import DataSpec
from kerascnn.errors import UserError


def memory_budget(spec: DataSpec) -> int:
    """Returns how many bytes of decoded images to keep in memory: the spec's, or 1/4 of free."""
    import psutil

    if spec.memory_budget is not None:
        return int(spec.memory_budget * 2**30)
    return int(psutil.virtual_memory().available) // 4


def choose(spec: DataSpec, needed: int) -> Literal["memory", "disk", "none"]:
    """Returns where decoded images of that many bytes are kept."""
    if spec.cache == "auto":
        return "memory" if needed <= memory_budget(spec) else "none"
    return spec.cache


def decoded(data: ImageData, split: Split, image_shape: Shape) -> Any:
    """Returns the split's decoded images (N, H, W, C), or None where they are not kept.

    A uint8 tensor for "memory", an `ArrayFile` for "disk". Made on first use, in
    the shape asked for then: in another one the split is not kept, but read again. What `load` has
    in memory comes in its own shape.

    Raises:
        UserError: If the file cannot be written.
    """
    if split.kept is None and isinstance(split.images, ArrayImages):
        with tf.device("CPU"):
            split.kept = tf.constant(split.images.pixels)
    elif split.kept is None and data.cache == "memory":
        array = np.empty((split.size, *image_shape), np.uint8)
        start, begun, first = 0, 0.0, 0
        for images in _images(data, split, image_shape):
            if not start:  # before it, TensorFlow traced how to read
                begun, first = time.perf_counter(), len(images)
            array[start : start + len(images)] = images
            start += len(images)
        if start > first:
            split.read_rate = (start - first) / (time.perf_counter() - begun)
        with tf.device("CPU"):
            split.kept = tf.constant(array)
    elif split.kept is None and data.cache == "disk":
        split.kept = _on_disk(data, split, image_shape)
    kept: Any = split.kept
    fits = kept is not None and tuple(kept.shape[1:]) == image_shape
    return kept if fits or isinstance(split.images, ArrayImages) else None


def pixels_key(data: ImageData, split: Split, image_shape: Shape) -> str:
    """Returns a name for the pixels of a split in that shape."""
    spec = data.spec
    key = hashlib.sha256(split.labels.tobytes())
    for part in (data.fingerprint, image_shape, spec.resize, spec.split_seed, split.name):
        key.update(repr(part).encode())
    fractions = (spec.validation_fraction, spec.test_fraction, spec.train_fraction)
    key.update(repr((fractions, spec.train_on_validation)).encode())
    if spec.folds is not None:
        key.update(repr((spec.folds, spec.fold)).encode())
    return key.hexdigest()[:24]


def _images(data: ImageData, split: Split, image_shape: Shape) -> Iterator[np.ndarray]:
    with named_failures(data):
        for images, _ in in_order(data, split, image_shape, batch_size=128).as_numpy_iterator():
            yield images


def _on_disk(data: ImageData, split: Split, image_shape: Shape) -> ArrayFile:
    path = cache_folder() / "decoded" / f"{pixels_key(data, split, image_shape)}.npy"
    shape = (split.size, *image_shape)
    try:
        found = open_array(path, shape)
        if found is None:
            make_room(file_size(shape))
            write_array(path, shape, _images(data, split, image_shape))
            found = ArrayFile(path, shape)
        return found
    except OSError as error:
        raise UserError(
            f"data.cache=disk: cannot write {path}: {error.strerror or error}; "
            "KERASCNN_CACHE names another folder"
        ) from None
