"""Operations that mix each example with the one before it in the batch; labels become soft.

The share is drawn by position; the partner is whoever stands there in the shuffled order.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from pydantic import Field

from kerascnn.augment.draws import Draws
from kerascnn.augment.erasing import paste
from kerascnn.augment.operation import Four, MixingOperation
from kerascnn.backend import tf

if TYPE_CHECKING:
    import numpy as np


@lru_cache
def _beta_quantiles(alpha: float) -> np.ndarray:
    """Beta(alpha, alpha) at 4,097 evenly spaced probabilities, float32."""
    import numpy as np
    from scipy import stats  # takes a second, which reading a recipe should not

    quantiles: np.ndarray = stats.beta.ppf(np.linspace(0, 1, 4097), alpha, alpha)
    return quantiles.astype(np.float32)


def beta(unit: tf.Tensor, alpha: float) -> tf.Tensor:
    """Returns Beta(alpha, alpha) variates from uniform ones, float32 (B,)."""
    table = tf.constant(_beta_quantiles(alpha))
    place = unit * (table.shape[0] - 1)
    below = tf.cast(place, tf.int32)
    low, high = tf.gather(table, below), tf.gather(table, below + 1)
    return low + (place - tf.floor(place)) * (high - low)


def soft(labels: tf.Tensor, classes: int) -> tf.Tensor:
    """Returns float32 (B, classes) from labels int32 (B,), or soft labels as they are."""
    return tf.one_hot(labels, classes) if labels.shape.rank == 1 else labels


def _mixed(labels: tf.Tensor, share: tf.Tensor) -> tf.Tensor:
    share = share[:, None]
    return share * labels + (1 - share) * tf.roll(labels, 1, axis=0)


class Mixup(MixingOperation, name="mixup"):
    """Blends each image and label with its neighbour's in the batch (Zhang et al. 2018)."""

    alpha: float = Field(0.2, gt=0, le=100, description="of the Beta(alpha, alpha) share")

    def apply(
        self, images: tf.Tensor, labels: tf.Tensor, random: Draws
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Blends."""
        share = beta(random.unit(1), self.alpha)
        # The own part is the larger one: the same mixtures, but no image misses the epoch because
        # its neighbour took its place.
        share = tf.where(random.applied, tf.maximum(share, 1.0 - share), 1.0)
        own = tf.cast(images, tf.float32)
        other = tf.roll(own, 1, axis=0)
        blended = other + share[:, None, None, None] * (own - other)
        return tf.cast(blended + 0.5, tf.uint8), _mixed(labels, share)


class Cutmix(MixingOperation, name="cutmix"):
    """Pastes a rectangle of the neighbour in the batch, label by area (Yun et al. 2019)."""

    alpha: float = Field(1.0, gt=0, le=100, description="of the Beta(alpha, alpha) area")

    def box(self, random: Draws, height: int, width: int) -> Four:
        """Returns the boxes (top, left, bottom, right), float32 (B,), cut at the image's edge."""
        side = tf.sqrt(1.0 - beta(random.unit(1), self.alpha))
        side = tf.where(random.applied, side, 0.0)
        edges = []
        for lane, size in ((2, height), (3, width)):
            half = tf.floor(side * size) / 2
            middle = tf.floor(random.unit(lane) * size)
            edges.append([tf.clip_by_value(tf.floor(middle + d), 0, size) for d in (-half, half)])
        return edges[0][0], edges[1][0], edges[0][1], edges[1][1]

    def apply(
        self, images: tf.Tensor, labels: tf.Tensor, random: Draws
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Pastes."""
        height, width, channels = images.shape[1:]
        box = self.box(random, height, width)
        rows = tf.reshape(images, (-1, height, width * channels))
        pasted = paste(images, box, tf.roll(rows, 1, axis=0))
        top, left, bottom, right = box
        share = 1.0 - (bottom - top) * (right - left) / (height * width)
        return pasted, _mixed(labels, share)
