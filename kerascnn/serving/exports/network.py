"""The network that is exported: from raw images of any size to probabilities."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from kerascnn.augment.views import shape_for_views
from kerascnn.backend import keras
from kerascnn.kernels.table import plain
from kerascnn.serving.archive import SavedModel, in_float32
from kerascnn.serving.exports.layers import FitImages, Probabilities, ViewsOfImages, gelu

INPUT = "images"
NAME = "from_images_to_probabilities"
AROUND = ("fit_images", "views_of_images", "probabilities")  # layers before and after the network


def layers_of(model: keras.Model) -> Iterator[keras.layers.Layer]:
    """Yields the layers of a network, and of those that are in it."""
    for layer in model.layers:
        yield layer
        if isinstance(layer, keras.Model):
            yield from layers_of(layer)


def with_images_in(saved: SavedModel) -> keras.Model:
    """Returns a model from raw images to probabilities: what `predict` does, in one network.

    Resizing, the views of `augment.test_time` and the mean over them are inside, in float32.

    Args:
        saved: A model with its classes and recipe.

    Returns:
        A functional model from uint8 RGB images (B, h, w, 3), of any one size, to float32
        (B, classes).
    """
    network = in_float32(plain(saved.model))
    for layer in layers_of(network):
        if isinstance(layer, keras.layers.Normalization):
            # As tensors, tf2onnx takes them for inputs of the network.
            layer.mean, layer.variance = np.asarray(layer.mean), np.asarray(layer.variance)
        if getattr(layer, "activation", None) is keras.activations.gelu:
            layer.activation = gelu
    height, width, channels = network.input_shape[1:]
    test_time, mode = saved.recipe.augment.test_time, saved.recipe.data.resize
    images = keras.Input((None, None, 3), dtype="uint8", name=INPUT)
    larger = shape_for_views(test_time, (height, width, channels))
    x = FitImages(*larger, mode, name=AROUND[0])(images)
    if test_time.count > 1 or larger != (height, width, channels):
        spec = test_time.model_dump(mode="json")
        x = ViewsOfImages(height, width, spec, name=AROUND[1])(x)
    several = saved.thresholds is not None
    x = Probabilities(test_time.count, several, name=AROUND[2])(network(x))
    model = keras.Model(images, x, name=NAME)
    model(np.zeros((1, height, width, 3), np.uint8))  # Keras writes no ONNX of one never called
    return model
