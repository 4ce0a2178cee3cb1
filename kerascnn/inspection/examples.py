"""Some of the images of a split, in batches."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from kerascnn.data.dataset import ImageData
from kerascnn.data.pipeline import pictures

_BATCH = 256  # images
_BLOCK = 2**26  # bytes of images that are in memory


def sample(data: ImageData, split: str, count: int, seed: int = 0) -> np.ndarray:
    """Returns the numbers of a random sample of a split, ascending; of all where it is no larger.

    Args:
        data: From `load`.
        split: "train", "validation" or "test".
        count: How many.
        seed: The seed of the choice.
    """
    size = data.splits[split].size
    return np.sort(np.random.default_rng(seed).permutation(size)[:count])


def batches(
    data: ImageData, split: str, numbers: np.ndarray, size: int = _BATCH
) -> Iterator[np.ndarray]:
    """Yields some images of a split in batches, uint8 (B, H, W, C).

    Args:
        data: From `load`.
        split: "train", "validation" or "test".
        numbers: Which of its images, ascending.
        size: Of a batch; the last one may be smaller.
    """
    block = max(size, _BLOCK // int(np.prod(data.image_shape)) // size * size)
    for start in range(0, len(numbers), block):
        images = pictures(data, split, numbers[start : start + block])
        for first in range(0, len(images), size):
            yield images[first : first + size]
