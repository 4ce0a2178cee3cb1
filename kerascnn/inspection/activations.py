"""What the layers of a network make of one image."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from kerascnn.backend import keras
from kerascnn.errors import UserError
from kerascnn.inspection.layers import FeatureMaps, feature_maps, followed


def last_of_stages(model: keras.Model) -> list[FeatureMaps]:
    """Returns the last layer of every size of feature maps, from the input on.

    Args:
        model: Functional, from images to logits.

    Raises:
        UserError: If the network has no feature maps of more than one position.
    """
    found: dict[tuple[int, int], FeatureMaps] = {}
    for maps in feature_maps(model).values():
        height, width, _ = maps.shape
        if height * width > 1:
            found[height, width] = maps
    if not found:
        raise UserError(f"{model.name} has no feature maps: it is not convolutional")
    return list(found.values())


def maps_of_image(
    model: keras.Model, pixels: np.ndarray, layers: Sequence[FeatureMaps]
) -> tuple[list[np.ndarray], np.ndarray]:
    """Computes the feature maps of an image.

    Args:
        model: Functional, from uint8 images to logits.
        pixels: uint8 (H, W, C).
        layers: Whose maps are wanted.

    Returns:
        float32 (h, w, c) for each layer, behind its activation; the logits, (classes,).
    """
    network = followed(model, [maps.output for maps in layers])
    *found, logits = network(pixels[np.newaxis], training=False)
    arrays = [np.asarray(keras.ops.cast(values[0], "float32")) for values in found]
    return arrays, np.asarray(logits[0])


def is_signed(maps: np.ndarray) -> bool:
    """Whether maps (H, W, C) have values on both sides of zero, as those of tanh do."""
    return bool(maps.min() < 0)


def dead_maps(maps: np.ndarray) -> np.ndarray:
    """Tells which of the maps (H, W, C) of a layer say nothing about an image, bool (C,).

    Those that are nowhere above zero; where the layer has negative values too, those that are the
    same everywhere.
    """
    low, high = maps.min(axis=(0, 1)), maps.max(axis=(0, 1))
    dead: np.ndarray = low == high if is_signed(maps) else high <= 0
    return dead
