"""What a network answers while a square covers a part of the image."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from kerascnn.backend import keras, tf
from kerascnn.errors import UserError
from kerascnn.inspection.layers import FeatureMaps, followed, images_at_once


@dataclass(frozen=True)
class Occlusion:
    """The answers by where a square is.

    Attributes:
        size: Side of the square, in pixels.
        stride: Pixels from one place to the next.
        rows: The pixels that the square is centred on, from the top, (R,): it covers `size` of
            them from row - size // 2 on, as far as the image goes.
        columns: Likewise from the left, (C,).
        logits: float32 (R, C, classes).
        activity: Sum of the map that is the strongest when nothing is covered, float32 (R, C); None
            where no layer was looked at.
        unit: Which map that is.
        uncovered: The logits of the whole image, float32 (classes,).
        uncovered_activity: The sum of that map then.
    """

    size: int
    stride: int
    rows: np.ndarray
    columns: np.ndarray
    logits: np.ndarray
    activity: np.ndarray | None
    unit: int | None
    uncovered: np.ndarray
    uncovered_activity: float | None


def middles(side: int, stride: int) -> np.ndarray:
    """Returns the pixels along a side that the square is centred on, even from both ends."""
    return np.arange((side - 1) % stride // 2, side, stride)


def occlude(
    model: keras.Model,
    image: np.ndarray,
    *,
    size: int,
    stride: int,
    fill: np.ndarray | float,
    layer: FeatureMaps | None = None,
) -> Occlusion:
    """Slides a square over an image, and asks the network at every place.

    Zeiler & Fergus 2014, section 4.2. Beyond the edge of the image there is nothing to cover.

    Args:
        model: Functional, from uint8 images (B, H, W, C) to logits.
        image: uint8 (H, W, C).
        size: Side of the square, in pixels.
        stride: Pixels from one place to the next.
        fill: Colour of the square, 0..255: a number, or one for each channel.
        layer: Whose strongest map is followed; none if None.

    Raises:
        UserError: If the square is larger than the image.
    """
    height, width = image.shape[:2]
    if size > min(height, width):
        raise UserError(f"size: got {size}, must be at most {min(height, width)}, as the image is")
    rows, columns = middles(height, stride), middles(width, stride)
    network = followed(model, [] if layer is None else [layer.output])
    colour = np.round(np.broadcast_to(np.asarray(fill, float), image.shape[-1:])).astype(np.uint8)

    def look(top: tf.Tensor, left: tf.Tensor, side: tf.Tensor) -> tuple[tf.Tensor, ...]:
        y, x = tf.range(height), tf.range(width)
        down = (y >= top[:, None]) & (y < top[:, None] + side)
        across = (x >= left[:, None]) & (x < left[:, None] + side)
        covered = (down[:, :, None] & across[:, None, :])[..., None]
        *maps, logits = tf.nest.flatten(network(tf.where(covered, colour, image), training=False))
        return logits, *(tf.reduce_sum(tf.cast(each, tf.float32), axis=(1, 2)) for each in maps)

    look = tf.function(look, reduce_retracing=True)
    grid = np.stack(np.meshgrid(rows, columns, indexing="ij"), axis=-1).reshape(-1, 2) - size // 2
    at_once = images_at_once(model)
    parts = []
    for begin in range(0, len(grid), at_once):
        top, left = tf.unstack(tf.constant(grid[begin : begin + at_once], tf.int32), axis=1)
        parts.append(look(top, left, tf.constant(size)))
    shape = len(rows), len(columns)
    logits, *sums = (
        np.concatenate(found).reshape(*shape, -1) for found in zip(*parts, strict=True)
    )
    nowhere = tf.zeros(1, tf.int32)
    uncovered, *whole = (found[0].numpy() for found in look(nowhere, nowhere, tf.constant(0)))
    unit = int(whole[0].argmax()) if whole else None
    return Occlusion(
        size=size,
        stride=stride,
        rows=rows,
        columns=columns,
        logits=logits,
        activity=sums[0][..., unit] if sums else None,
        unit=unit,
        uncovered=uncovered,
        uncovered_activity=float(whole[0][unit]) if whole else None,
    )
