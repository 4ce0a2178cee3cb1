"""Where in an image the evidence for a class lies: Grad-CAM and LayerCAM."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from kerascnn.backend import keras, tf
from kerascnn.errors import UserError
from kerascnn.inspection.layers import (
    FeatureMaps,
    followed,
    from_floats,
    images_at_once,
    last_maps,
    maps_of,
)

Method = Literal["gradcam", "layercam"]


@dataclass(frozen=True)
class Evidence:
    """Where the evidence for some classes lies.

    Attributes:
        layer: The feature maps that it was looked for in.
        maps: At their resolution, float32 (N, h, w), none below 0, in units of the logit.
        heat: The same, stretched over the images, float32 (N, H, W).
        logits: What the network answers, float32 (N, classes).
    """

    layer: FeatureMaps
    maps: np.ndarray
    heat: np.ndarray
    logits: np.ndarray


def evidence(
    model: keras.Model,
    images: np.ndarray,
    targets: np.ndarray,
    *,
    method: Method = "gradcam",
    layer: str | None = None,
) -> Evidence:
    """Finds the positions of a layer whose units speak for a class.

    With A the maps of the layer and G the derivatives of the class's logit with respect to them:
    gradcam: ReLU of the sum over maps of A times the mean of G over the map (Selvaraju et al. 2017,
    equations 1 and 2).
    layercam: ReLU of the sum over maps of A times ReLU(G), position by position (Jiang et al. 2021,
    equations 5 to 7), which stays sharp in early layers.

    The result is stretched over the image bilinearly, as there.

    Args:
        model: Functional, from uint8 images (B, H, W, C) to logits.
        images: uint8 (N, H, W, C).
        targets: The class that each is looked at for, (N,).
        method: How the maps are weighted.
        layer: Name of a layer with feature maps; the last such one if None.

    Raises:
        UserError: If the network has no feature maps, the layer is unknown, or has one position.
    """
    chosen = last_maps(model) if layer is None else maps_of(model, layer)
    if max(chosen.shape[:2]) == 1:
        raise UserError(f"layer '{chosen.name}' has a single position: no place to speak of")
    network = followed(from_floats(model), [chosen.output])
    height, width = images.shape[1:3]

    def look(pixels: tf.Tensor, classes: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        with tf.GradientTape() as tape:
            tape.watch(pixels)
            maps, logits = network(pixels, training=False)
            scores = tf.gather(logits, classes, batch_dims=1)
        gradient = tf.cast(tape.gradient(scores, maps), tf.float32)
        if method == "gradcam":
            weights = tf.reduce_mean(gradient, axis=(1, 2), keepdims=True)
        else:
            weights = tf.nn.relu(gradient)
        found = tf.nn.relu(tf.reduce_sum(weights * tf.cast(maps, tf.float32), axis=-1))
        heat = tf.image.resize(found[..., None], (height, width))[..., 0]
        return found, heat, logits

    look = tf.function(look, reduce_retracing=True)
    size = images_at_once(model)
    parts = [
        look(
            tf.constant(images[start : start + size], tf.float32),
            tf.constant(targets[start : start + size], tf.int32),
        )
        for start in range(0, len(images), size)
    ]
    maps, heat, logits = (np.concatenate(found) for found in zip(*parts, strict=True))
    return Evidence(chosen, maps, heat, logits)
