"""What one unit sees of an image by arithmetic, and how much of it changes the unit."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from kerascnn.backend import keras, tf
from kerascnn.errors import UserError
from kerascnn.inspection.layers import FeatureMaps, from_floats

Sides = tuple[tuple[int, int], tuple[int, int]]


def receptive_field_of(maps: FeatureMaps, position: tuple[int, int]) -> Sides:
    """Returns the pixels that a unit sees: rows [first, last) and columns [first, last).

    They may lie outside of the image.

    Args:
        maps: The layer.
        position: Row and column of the unit in the feature map.

    Raises:
        UserError: If the map has no such position.
    """
    for what, index, size in zip(("row", "column"), position, maps.shape[:2], strict=True):
        if not 0 <= index < size:
            raise UserError(f"{what}: got {index}, layer '{maps.name}' has 0 to {size - 1}")
    rows, columns = (
        field.interval(index) for field, index in zip(maps.fields, position, strict=True)
    )
    return (round(rows[0]), round(rows[1])), (round(columns[0]), round(columns[1]))


def clipped(sides: Sides, image_shape: tuple[int, ...]) -> tuple[slice, slice]:
    """Returns the rows and columns of a receptive field that are in an image (H, W, ...)."""
    rows, columns = (
        slice(max(first, 0), min(last, size))
        for (first, last), size in zip(sides, image_shape[:2], strict=True)
    )
    return rows, columns


def effective_field(
    model: keras.Model,
    maps: FeatureMaps,
    batches: Iterable[np.ndarray],
    position: tuple[int, int],
    *,
    unit: int | None = None,
) -> np.ndarray:
    """Returns how much each pixel changes a unit, on average over images.

    The size of the derivative, summed over the colours, averaged over the images (Luo, Li, Urtasun,
    Zemel 2016, section 3). Memory does not depend on the number of images.

    Args:
        model: Functional, from uint8 images to logits.
        maps: The layer.
        batches: Images uint8 (B, H, W, C).
        position: Row and column of the unit in the feature map.
        unit: Number of the feature map; the sum of all maps if None.

    Returns:
        Float64 (H, W).

    Raises:
        UserError: If there is no such position or unit, or there are no images.
    """
    receptive_field_of(maps, position)  # the position is one
    check_unit(maps, unit)
    to_layer = from_floats(keras.Model(model.inputs[0], model.get_layer(maps.output).output))
    row, column = position

    def sizes(images: Any) -> Any:
        with tf.GradientTape() as tape:
            tape.watch(images)
            values = to_layer(images, training=False)[:, row, column]
            value = tf.reduce_sum(values if unit is None else values[:, unit])
        return tf.reduce_sum(tf.abs(tape.gradient(value, images)), axis=(0, -1))

    total, count = np.zeros(model.input_shape[1:3], np.float64), 0
    for images in batches:
        total += sizes(tf.cast(images, tf.float32)).numpy()
        count += len(images)
    if not count:
        raise UserError("the effective field is an average over images: there are none")
    return total / count


def check_unit(maps: FeatureMaps, unit: int | None) -> None:
    """Raises unless a layer has a unit, or none is meant.

    Raises:
        UserError: If there is no such feature map.
    """
    if unit is not None and not 0 <= unit < maps.shape[2]:
        raise UserError(f"unit: got {unit}, layer '{maps.name}' has units 0 to {maps.shape[2] - 1}")


def most_of(effective: np.ndarray, share: float = 0.95) -> np.ndarray:
    """Returns the fewest pixels that hold a share of an effective field, bool (H, W).

    Args:
        effective: Of `effective_field`, (H, W).
        share: 0..1.
    """
    order = np.argsort(-effective, axis=None, kind="stable")
    sums = np.cumsum(effective.ravel()[order])
    needed = int(np.searchsorted(sums, share * sums[-1])) + 1 if sums[-1] > 0 else 0
    chosen = np.zeros(effective.size, bool)
    chosen[order[:needed]] = True
    return chosen.reshape(effective.shape)
