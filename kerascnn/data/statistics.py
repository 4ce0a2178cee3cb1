"""Statistics of the pixels that a model trains on, counted once and remembered."""

from __future__ import annotations

import numpy as np

from kerascnn.augment.spec import AugmentSpec
from kerascnn.cache import recall, remember
from kerascnn.data.cache import pixels_key
from kerascnn.data.dataset import ImageData
from kerascnn.data.failure import named_failures
from kerascnn.data.pipeline import training_batches
from kerascnn.data.pixel_statistics import PixelStatistics

SAMPLE = 10_000  # images of a stream; sets held in memory are counted whole
_BATCH = 250


def pixel_statistics(data: ImageData) -> PixelStatistics:
    """Returns per-channel statistics of the training split, in units of 0..255.

    Exact for sets held in memory; from a fixed random sample of 10,000 images of larger ones.
    Remembered in the cache folder, where it can be written.
    """
    split = data.splits["train"]
    number = split.size if data.cache == "memory" else min(split.size, SAMPLE)
    name = f"{pixels_key(data, split, data.image_shape)}-{number}"
    known = recall("statistics", name)
    if known:
        mean, std = known
        return PixelStatistics(tuple(mean), tuple(std))
    found = _counted(data, number)
    remember("statistics", name, [found.mean, found.std])
    return found


def _counted(data: ImageData, number: int) -> PixelStatistics:
    batches = training_batches(data, AugmentSpec(), batch_size=_BATCH, seed=0, balance="none")
    # Counting levels is exact, and needs no float copy of the images.
    counts = np.zeros((data.image_shape[2], 256), np.int64)
    with named_failures(data):
        for images, _ in batches.take(-(-number // _BATCH)).as_numpy_iterator():
            for channel in range(data.image_shape[2]):
                counts[channel] += np.bincount(images[..., channel].ravel(), minlength=256)
    share = counts / counts.sum(axis=1, keepdims=True)
    levels = np.arange(256)
    mean = share @ levels
    std = np.sqrt(np.maximum(share @ levels**2 - mean**2, 0))
    return PixelStatistics(tuple(mean.tolist()), tuple(std.tolist()))
