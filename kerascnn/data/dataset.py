"""What `load` returns: named splits of images of one size."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from kerascnn.models.inputs import PixelStatistics


@dataclass(frozen=True)
class ArrayImages:
    """Decoded images in memory.

    Attributes:
        pixels: uint8 (M, H, W, C), shared by the splits cut from it.
        rows: int64 (N,), which of them are this split's.
    """

    pixels: np.ndarray
    rows: np.ndarray


@dataclass(frozen=True)
class Split:
    """The images and labels of one part of a data set.

    Attributes:
        name: "train", "validation" or "test".
        labels: int64 (N,), indices into the data's `classes`.
        images: Where the pixels are.
    """

    name: str
    labels: np.ndarray
    images: ArrayImages

    @property
    def size(self) -> int:
        """Number of images."""
        return len(self.labels)


@dataclass(frozen=True)
class ImageData:
    """A data set, ready to be trained on.

    Attributes:
        name: As in the recipe.
        classes: Names, in the order of the labels.
        image_shape: (H, W, C) of every image as the model gets it.
        splits: "train", "validation" and "test", in this order.
        fingerprint: Short hash over labels and content.
    """

    name: str
    classes: tuple[str, ...]
    image_shape: tuple[int, int, int]
    splits: Mapping[str, Split]
    fingerprint: str

    @cached_property
    def statistics(self) -> PixelStatistics:
        """Mean and standard deviation of each channel over the training split."""
        from kerascnn.models.inputs import PixelStatistics

        images = self.splits["train"].images
        # Counting levels is exact, and needs no float copy of the images.
        counts = np.zeros((self.image_shape[2], 256), np.int64)
        for start in range(0, len(images.rows), 4096):
            block = images.pixels[images.rows[start : start + 4096]]
            for channel in range(self.image_shape[2]):
                counts[channel] += np.bincount(block[..., channel].ravel(), minlength=256)
        share = counts / counts.sum(axis=1, keepdims=True)
        mean = share @ np.arange(256)
        variance = share @ np.arange(256) ** 2 - mean**2
        return PixelStatistics(
            tuple(mean.tolist()), tuple(np.sqrt(np.maximum(variance, 0)).tolist())
        )
