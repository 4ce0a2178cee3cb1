"""A small network whose weights are known to be right, and images to look at with it."""

from __future__ import annotations

import functools

import numpy as np

from kerascnn.backend import keras
from kerascnn.visualization.picture import Seen, Subject

CLASSES = ("bright", "dark", "none")


def squares(count: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Returns grey images with a bright square somewhere, a dark one or none.

    Returns:
        uint8 (N, 12, 12, 1), which of the three (N,), and the pixels of the squares (N, 12, 12).
    """
    generator = np.random.default_rng(seed)
    images = generator.integers(110, 146, (count, 12, 12, 1)).astype(np.uint8)
    labels = generator.integers(0, 3, count)
    inside = np.zeros((count, 12, 12), bool)
    for number, label in enumerate(labels):
        top, left = generator.integers(0, 9, 2)
        if label < 2:
            inside[number, top : top + 4, left : left + 4] = True
            images[number][inside[number]] = (240, 15)[label]
    return images, labels, inside


@functools.cache
def sees_squares() -> keras.Model:
    """Returns a network of two maps, for bright and for dark, that makes no error."""
    images = keras.Input((12, 12, 1), dtype="uint8", name="images")
    x = keras.layers.Rescaling(1 / 255, name="pixels")(images)
    x = keras.layers.Conv2D(2, 3, activation="relu", name="conv1")(x)
    x = keras.layers.MaxPooling2D(2, name="pool1")(x)
    x = keras.layers.Conv2D(2, 1, activation="relu", name="conv2")(x)
    x = keras.layers.GlobalAveragePooling2D(name="mean")(x)
    model = keras.Model(images, keras.layers.Dense(3, name="output")(x), name="squares")
    means = np.stack([np.full((3, 3, 1), 1 / 9), np.full((3, 3, 1), -1 / 9)], axis=-1)
    model.get_layer("conv1").set_weights([means, np.array([-0.62, 0.38])])
    model.get_layer("conv2").set_weights([np.eye(2)[None, None], np.zeros(2)])
    model.get_layer("output").set_weights([200 * np.eye(2, 3), np.array([0.0, 0.0, 2.0])])
    return model


def subject(count: int = 3, model: keras.Model | None = None) -> Subject:
    """Returns the network, or another one, with some images."""
    images, labels, _ = squares(count)
    seen = tuple(
        Seen(f"test:{number}", image, int(label))
        for number, (image, label) in enumerate(zip(images, labels, strict=True))
    )
    return Subject("squares", model or sees_squares(), CLASSES, seen)
