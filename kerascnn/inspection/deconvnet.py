"""What of an image makes a unit respond: the way back from one activation to the pixels.

Zeiler and Fergus 2014, section 2.1. All activations of a layer but one are set to zero. On the way
down max pooling puts what it gets where its maximum came from, a ReLU passes on what is positive of
what it gets, and convolutions use their filters transposed. Local response normalisation is passed
by. Batch normalisation multiplies by its scale at inference, average pooling spreads evenly, a sum
passes to all that it adds. Other activations (tanh, sigmoid, PReLU, ...) pass on their derivative:
the paper has none. See `kerascnn.inspection.backward`.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from kerascnn.backend import keras, tf
from kerascnn.inspection.backward import with_backward
from kerascnn.inspection.layers import feature_maps, maps_of
from kerascnn.inspection.strongest import batch_size


class Deconvnet:
    """The way back from the units of some layers to the pixels.

    Args:
        model: Functional, from uint8 images (B, H, W, C) to logits; it stays as it is.
        layers: Names, of `kerascnn.inspection.layers.feature_maps`.

    Raises:
        UserError: If a layer has no feature maps.
    """

    def __init__(self, model: keras.Model, layers: Sequence[str]):
        maps = feature_maps(model)
        self._output_of = {name: (maps.get(name) or maps_of(model, name)).output for name in layers}
        outputs = [model.get_layer(name).output for name in self._output_of.values()]
        # Nothing behind the layers is copied: most weights are in fully connected ones.
        self._network = with_backward(keras.Model(model.inputs[0], outputs), "deconvnet")

    def reconstruct(
        self, layer: str, images: np.ndarray, units: np.ndarray, positions: np.ndarray
    ) -> np.ndarray:
        """Returns what of each image makes one unit of a layer respond.

        Args:
            layer: The name of the layer.
            images: uint8 (N, H, W, C).
            units: The feature map of each image's unit, int (N,).
            positions: Its row and column there, int (N, 2).

        Returns:
            Float32 (N, H, W, C), zero where the unit sees nothing; of any sign, in proportion to
            the unit's activation.
        """
        output = self._network.get_layer(self._output_of[layer]).output
        network = keras.Model(self._network.inputs[0], output)
        size = max(1, batch_size(images.shape[1:]) // 2)
        parts = [
            _walk_back(network, images[i : i + size], units[i : i + size], positions[i : i + size])
            for i in range(0, len(images), size)
        ]
        return np.concatenate(parts) if parts else np.zeros(images.shape, np.float32)


def _walk_back(
    network: keras.Model, images: np.ndarray, units: np.ndarray, positions: np.ndarray
) -> np.ndarray:
    pixels = tf.constant(images, tf.float32)
    with tf.GradientTape() as tape:
        tape.watch(pixels)
        maps = network(pixels, training=False)
    cells = np.column_stack([np.arange(len(images)), positions, units])
    kept = tf.scatter_nd(cells, tf.gather_nd(maps, cells), tf.shape(maps, tf.int64))
    found: np.ndarray = tape.gradient(maps, pixels, output_gradients=kept).numpy()
    return found
