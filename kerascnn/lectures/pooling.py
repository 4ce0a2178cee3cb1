"""Pooling of one map, in numbers, and what it leaves of a shift.

The definitions are those of the layers of the package (`kerascnn.layers`), in NumPy: a window's
L1 and L2 pooling are norms, without a division by the number of cells, and stochastic pooling draws
a cell with a probability in proportion to its value (Zeiler & Fergus 2013, section 3.1).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from kerascnn.lectures.convolution import Slide

PoolName = Literal["max", "average", "l1", "l2", "stochastic"]


@dataclass(frozen=True)
class Pooled:
    """What pooling makes of the windows on a map.

    Attributes:
        output: (H', W').
        steps: What becomes of each cell on the way, (H', W', F, G): the cells themselves, their
            sizes (l1), squares (l2), or the probabilities to be drawn (stochastic).
        chosen: Which cell is taken, (H', W', F, G) of bool; none where all of them are.
    """

    output: np.ndarray
    steps: np.ndarray
    chosen: np.ndarray


def pooled(seen: Slide, pool: PoolName, *, seed: int = 0) -> Pooled:
    """Pools what a window sees.

    Args:
        seen: The windows.
        pool: What becomes of each; for stochastic pooling negative cells count as zeros, and a
            window without any positive cell gives zero.
        seed: Of what stochastic pooling draws.
    """
    cells = seen.cells.astype(float)
    none = np.zeros(cells.shape, bool)
    if pool == "max":
        return Pooled(
            cells.max((2, 3)), cells, _one(cells.reshape(*cells.shape[:2], -1).argmax(-1), cells)
        )
    if pool == "average":
        return Pooled(cells.mean((2, 3)), cells, none)
    if pool == "l1":
        return Pooled(np.abs(cells).sum((2, 3)), np.abs(cells), none)
    if pool == "l2":
        return Pooled(np.sqrt((cells**2).sum((2, 3))), cells**2, none)
    chances = probabilities(seen)
    flat = chances.reshape(*chances.shape[:2], -1)
    threshold = np.random.default_rng(seed).random(flat.shape[:2])[..., np.newaxis]
    # The first cell at which the running sum is above the threshold; rounding may leave it below.
    drawn = (flat.cumsum(-1) > threshold * flat.sum(-1, keepdims=True)).argmax(-1)
    chosen = _one(drawn, cells) & (chances.sum((2, 3), keepdims=True) > 0)
    return Pooled((cells * chosen).sum((2, 3)), chances, chosen)


def probabilities(seen: Slide) -> np.ndarray:
    """Returns with what probability stochastic pooling draws each cell, (H', W', F, G)."""
    positive = np.maximum(seen.cells.astype(float), 0)
    total = positive.sum((2, 3), keepdims=True)
    chances: np.ndarray = np.divide(positive, total, out=np.zeros_like(positive), where=total > 0)
    return chances


def expected(seen: Slide) -> np.ndarray:
    """Returns what stochastic pooling gives in inference: the mean under its chances, (H', W')."""
    mean: np.ndarray = (probabilities(seen) * seen.cells).sum((2, 3))
    return mean


def _one(index: np.ndarray, cells: np.ndarray) -> np.ndarray:
    """Returns one cell of each window as a mask, (H', W', F, G)."""
    flat = np.arange(cells.shape[2] * cells.shape[3]) == index[..., np.newaxis]
    mask: np.ndarray = flat.reshape(cells.shape)
    return mask


def shifted(images: np.ndarray, pixels: int) -> np.ndarray:
    """Returns images (N, H, W) moved to the right; zeros come in at the left."""
    return np.pad(images, ((0, 0), (0, 0), (pixels, 0)))[:, :, : images.shape[2]]


def pooled_maps(images: np.ndarray, pool: Literal["max", "average"], size: int) -> np.ndarray:
    """Returns images (N, H, W) pooled in windows that do not overlap, (N, H / size, W / size)."""
    windows = sliding_window_view(images, (size, size), axis=(1, 2))[:, ::size, ::size]
    maps: np.ndarray = windows.max((3, 4)) if pool == "max" else windows.mean((3, 4))
    return maps


def shift_distances(
    images: np.ndarray, pool: Literal["max", "average"], size: int, shifts: Sequence[int]
) -> np.ndarray:
    """Returns how far a shift moves the pooled maps.

    The distance is ||p(shifted) - p(x)|| / ||p(x)||, Euclidean: 0 where nothing is left of the
    shift, sqrt(2) where what was there and what is there now have nothing in common.

    Args:
        images: (N, H, W), none of them all zeros.
        pool: What is pooled.
        size: Of the windows, also their stride; 1 pools nothing.
        shifts: In pixels, to the right.

    Returns:
        (N, shifts).
    """
    still = pooled_maps(images, pool, size)
    norms = np.linalg.norm(still, axis=(1, 2))
    columns = [
        np.linalg.norm(pooled_maps(shifted(images, pixels), pool, size) - still, axis=(1, 2))
        / norms
        for pixels in shifts
    ]
    return np.stack(columns, axis=1)
