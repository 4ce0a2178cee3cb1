"""Decoded images that are kept: in memory where they fit, or in a file."""

from __future__ import annotations

import hashlib
import os
from typing import Any, Literal

import numpy as np

from kerascnn.backend import tf
from kerascnn.cache import cache_folder
from kerascnn.data.dataset import ArrayImages, ImageData, Split
from kerascnn.data.decoding import Shape, in_order
from kerascnn.data.failure import named_failures
from kerascnn.data.spec import DataSpec
from kerascnn.errors import UserError
from kerascnn.files import written_whole


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

    A uint8 tensor for "memory", a read-only memory-mapped array for "disk". Made on first use, in
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
        _fill(array, data, split)
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
    return key.hexdigest()[:24]


def _fill(array: np.ndarray, data: ImageData, split: Split) -> None:
    start = 0
    height, width, channels = array.shape[1:]
    read = in_order(data, split, (height, width, channels), batch_size=128)
    with named_failures(data):
        for images, _ in read.as_numpy_iterator():
            array[start : start + len(images)] = images
            start += len(images)


def _on_disk(data: ImageData, split: Split, image_shape: Shape) -> np.ndarray:
    path = cache_folder() / "decoded" / f"{pixels_key(data, split, image_shape)}.npy"
    try:
        if not path.is_file():
            with written_whole(path) as unfinished:
                array = np.lib.format.open_memmap(
                    unfinished, "w+", np.uint8, (split.size, *image_shape)
                )
                # Reserves the space: a full disk is an error here, and no crash when it is mapped.
                if hasattr(os, "posix_fallocate"):
                    with open(unfinished, "rb+") as file:
                        os.posix_fallocate(file.fileno(), 0, unfinished.stat().st_size)
                _fill(array, data, split)
                array.flush()
        pixels: np.ndarray = np.load(path, mmap_mode="r")
        return pixels
    except OSError as error:
        raise UserError(
            f"data.cache=disk: cannot write {path}: {error.strerror or error}; "
            "KERASCNN_CACHE names another folder"
        ) from None
