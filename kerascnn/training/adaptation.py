"""Layers that start from the training images."""

from __future__ import annotations

import numpy as np

from kerascnn import layers
from kerascnn.backend import keras
from kerascnn.data.dataset import ImageData
from kerascnn.data.pipeline import pictures

_PIXELS = 5_000_000  # enough for a covariance: 5,000 images of CIFAR-10


def adapt(model: keras.Model, data: ImageData) -> None:
    """Computes the filters of a network's whitening layers, if it has any.

    Args:
        model: From `build_model`.
        data: Its "train" split is looked at, some five million pixels of it.
    """
    for layer in model.layers:
        if isinstance(layer, layers.Whitening):
            size = data.splits["train"].size
            count = min(size, max(1, _PIXELS // (data.image_shape[0] * data.image_shape[1])))
            chosen = np.sort(np.random.default_rng(0).choice(size, count, replace=False))
            before = keras.Model(model.input, layer.input)
            layer.adapt(np.asarray(before(pictures(data, "train", chosen)), "float32"))
