"""What `load` returns: named splits of images, brought to one size when they are read."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from kerascnn.data.records import RecordFiles
from kerascnn.data.spec import DataSpec


@dataclass(frozen=True)
class ArrayImages:
    """Decoded images: uint8 (N, H, W, C)."""

    pixels: np.ndarray

    def part(self, rows: np.ndarray) -> ArrayImages:
        """Returns some of the images, by number."""
        return ArrayImages(self.pixels[rows])

    def joined(self, more: ArrayImages) -> ArrayImages:
        """Returns these images and, after them, others."""
        return ArrayImages(np.concatenate([self.pixels, more.pixels]))


@dataclass(frozen=True)
class FileImages:
    """Image files as they were when they were checked.

    Attributes:
        paths: Absolute, bytes.
        decoders: One of JPEG, PNG and OTHER for each.
        sizes: In bytes, int64.
    """

    paths: np.ndarray
    decoders: np.ndarray
    sizes: np.ndarray

    def part(self, rows: np.ndarray) -> FileImages:
        """Returns some of the images, by number."""
        return FileImages(self.paths[rows], self.decoders[rows], self.sizes[rows])

    def joined(self, more: FileImages) -> FileImages:
        """Returns these images and, after them, others."""
        return FileImages(
            np.concatenate([self.paths, more.paths]),
            np.concatenate([self.decoders, more.decoders]),
            np.concatenate([self.sizes, more.sizes]),
        )


@dataclass(frozen=True)
class RecordImages:
    """Encoded images in TFDS's record files, and the ascending numbers of those that count."""

    files: RecordFiles
    rows: np.ndarray

    def part(self, rows: np.ndarray) -> RecordImages:
        """Returns some of the images, by number."""
        return RecordImages(self.files, self.rows[rows])

    def joined(self, more: RecordImages) -> RecordImages:
        """Returns these images and, after them, others, perhaps from the same files."""
        files = dataclasses.replace(
            self.files,
            files=self.files.files + more.files.files,
            lengths=self.files.lengths + more.files.lengths,
        )
        return RecordImages(files, np.concatenate([self.rows, more.rows + self.files.size]))


@dataclass(eq=False)
class Split:
    """The images and labels of one part of a data set.

    Attributes:
        name: "train", "validation" or "test".
        labels: int64 (N,), indices into the data's `classes`.
        images: Where the pixels come from.
    """

    name: str
    labels: np.ndarray
    images: ArrayImages | FileImages | RecordImages
    # Decoded pixels, once `kerascnn.data.cache` has made them: a tensor, or a memory-mapped file.
    kept: object | None = field(default=None, repr=False)

    @property
    def size(self) -> int:
        """Number of images."""
        return len(self.labels)


@dataclass(eq=False)
class ImageData:
    """A data set, ready to be trained on.

    Attributes:
        spec: What it was loaded from.
        classes: Names, in the order of the labels.
        image_shape: (H, W, C) of every image as the model gets it.
        splits: "train", "validation" and "test", in this order.
        fingerprint: Short hash over labels and content.
        cache: Where decoded images are kept: "memory", "disk" or not at all.
        sizes_differ: Whether the images are of several sizes before they are brought to one.
    """

    spec: DataSpec
    classes: tuple[str, ...]
    image_shape: tuple[int, int, int]
    splits: Mapping[str, Split]
    fingerprint: str
    cache: Literal["memory", "disk", "none"]
    sizes_differ: bool

    @property
    def name(self) -> str:
        """As in the recipe."""
        return self.spec.name

    def describe(self) -> str:
        """Returns name, sizes and number of classes on one line."""
        height, width, channels = self.image_shape
        sizes = ", ".join(f"{split.size:,} {name}" for name, split in self.splits.items())
        return (
            f"{self.name}: {sizes} images of {height}x{width}x{channels}, "
            f"{len(self.classes)} classes"
        )
