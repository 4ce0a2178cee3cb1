"""What `load` returns: named splits of images, brought to one size when they are read."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import numpy as np

from kerascnn.data.records import RecordFiles
from kerascnn.data.spec import DataSpec
from kerascnn.errors import unknown


@dataclass(frozen=True)
class ArrayImages:
    """Decoded images: uint8 (N, H, W, C), and their numbers in the set, int64 (N,)."""

    pixels: np.ndarray
    rows: np.ndarray

    def part(self, rows: np.ndarray) -> ArrayImages:
        """Returns some of the images, by number."""
        return ArrayImages(self.pixels[rows], self.rows[rows])

    def joined(self, more: ArrayImages) -> ArrayImages:
        """Returns these images and, after them, others."""
        return ArrayImages(
            np.concatenate([self.pixels, more.pixels]), np.concatenate([self.rows, more.rows])
        )

    def identities(self) -> list[str]:
        """Returns what each image is called: its number in the set."""
        return [str(row) for row in self.rows]

    def dimensions(self) -> np.ndarray:
        """Returns height and width of each image, int32 (N, 2)."""
        return np.full((len(self.pixels), 2), self.pixels.shape[1:3], np.int32)


@dataclass(frozen=True)
class FileImages:
    """Image files as they were when they were checked.

    Attributes:
        paths: Absolute, bytes.
        names: Relative to the folder or CSV file, as identities.
        decoders: One of JPEG, PNG and OTHER for each.
        sizes: In bytes, int64.
        shapes: Height and width as shown, int32 (N, 2).
    """

    paths: np.ndarray
    names: np.ndarray
    decoders: np.ndarray
    sizes: np.ndarray
    shapes: np.ndarray

    def part(self, rows: np.ndarray) -> FileImages:
        """Returns some of the images, by number."""
        return FileImages(*(getattr(self, field)[rows] for field in self._fields()))

    def joined(self, more: FileImages) -> FileImages:
        """Returns these images and, after them, others."""
        pairs = ((getattr(self, field), getattr(more, field)) for field in self._fields())
        return FileImages(*map(np.concatenate, pairs))

    def _fields(self) -> list[str]:
        return [field.name for field in dataclasses.fields(self)]

    def identities(self) -> list[str]:
        """Returns what each image is called: its path, relative to the folder or CSV file."""
        return list(self.names)

    def dimensions(self) -> np.ndarray:
        """Returns height and width of each image as stored and shown, int32 (N, 2)."""
        return self.shapes


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

    def identities(self) -> list[str]:
        """Returns what each image is called: its id in TFDS, made of record file and number."""
        starts = np.concatenate([[0], np.cumsum(self.files.lengths)])
        shards = np.searchsorted(starts, self.rows, side="right") - 1
        names = [Path(file).name for file in self.files.files]
        within = self.rows - starts[shards]
        return [f"{names[s]}__{i}" for s, i in zip(shards, within, strict=True)]

    def dimensions(self) -> np.ndarray:
        """Returns height and width of each image as stored, int32 (N, 2)."""
        height, width, _ = self.files.image_shape
        if height and width:
            return np.full((len(self.rows), 2), (height, width), np.int32)
        return self.files.dimensions(self.rows)


@dataclass(eq=False)
class Split:
    """The images and labels of one part of a data set.

    Attributes:
        name: "train", "validation" or "test".
        labels: int64 (N,), indices into the data's `classes`; float32 (N, classes) where an image
            may have several; see `kerascnn.data.labels`.
        images: Where the pixels come from.
    """

    name: str
    labels: np.ndarray
    images: ArrayImages | FileImages | RecordImages
    # Decoded pixels, once `kerascnn.data.cache` has made them: a tensor, or a memory-mapped file.
    kept: object | None = field(default=None, repr=False)
    read_rate: float | None = field(default=None, repr=False)  # then, in images per second

    @property
    def size(self) -> int:
        """Number of images."""
        return len(self.labels)


class Splits(dict[str, Split]):
    """Splits by name; there is no "test" where every image is trained on after cross-validation."""

    def __missing__(self, name: str) -> Split:
        """Refuses.

        Raises:
            UserError: Always.
        """
        raise unknown("split", name, self)


@dataclass(eq=False)
class ImageData:
    """A data set, ready to be trained on.

    Attributes:
        spec: What it was loaded from.
        classes: Names, in the order of the labels.
        image_shape: (H, W, C) of every image as the model gets it.
        splits: "train", "validation" and "test", in this order; see `Splits`.
        fingerprint: Short hash over labels and content.
        cache: Where decoded images are kept: "memory", "disk" or not at all.
        sizes_differ: Whether the images are of several sizes before they are brought to one.
        repeated: Whether the images are grey, and given three equal channels.
    """

    spec: DataSpec
    classes: tuple[str, ...]
    image_shape: tuple[int, int, int]
    splits: Mapping[str, Split]
    fingerprint: str
    cache: Literal["memory", "disk", "none"]
    sizes_differ: bool
    repeated: bool = False

    @property
    def name(self) -> str:
        """As in the recipe."""
        return self.spec.name

    @property
    def several_labels(self) -> bool:
        """Whether an image may have several labels, or none."""
        return self.spec.labels == "several"

    def source(self, split: str) -> str:
        """Returns the name of the set that the images of a split are in."""
        return self.spec.test if split == "test" and self.spec.test is not None else self.name

    def describe(self) -> str:
        """Returns name, sizes and number of classes on one line."""
        height, width, channels = self.image_shape
        sizes = ", ".join(f"{split.size:,} {name}" for name, split in self.splits.items())
        return (
            f"{self.name}: {sizes} images of {height}x{width}x{channels}"
            f"{' (grey, repeated)' if self.repeated else ''}, {len(self.classes)} classes"
            f"{', several labels an image' if self.several_labels else ''}"
            f"{f'; tested on {self.spec.test}' if self.spec.test is not None else ''}"
        )
