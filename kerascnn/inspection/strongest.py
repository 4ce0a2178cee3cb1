"""What excites the units of a network most: of each, the images of a split, in one pass.

Zeiler and Fergus 2014, section 3: of every feature map the strongest activation in each image, and
the images in which it is strongest.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from kerascnn.backend import keras, tf
from kerascnn.hardware import default_device
from kerascnn.inspection.layers import feature_maps, maps_of
from kerascnn.kernels.table import plain, quicken

_PIXELS = 2**17  # in a batch: 128 images of 32x32, two of 224x224
_MOST = 128


@dataclass(frozen=True)
class Strongest:
    """The images that excite the units of a layer most, one place in each.

    What there are no images for has the number -1 and the activation -inf.

    Attributes:
        activations: Float32 (units, k), falling.
        images: Numbers in the order of the batches, int64 (units, k); among equal activations the
            earlier image comes first.
        positions: Row and column in the feature map, int32 (units, k, 2); the first one of equal
            activations, row by row.
    """

    activations: np.ndarray
    images: np.ndarray
    positions: np.ndarray

    def order(self) -> np.ndarray:
        """Returns the units by the mean of their activations, the strongest first, int64 (units,).

        The mean over the images kept, and not the single strongest, so that one outlier is not
        enough. Units that no image excites, at most zero everywhere, are left out.
        """
        there = self.images >= 0
        sums = np.where(there, self.activations, 0).sum(axis=1, dtype=np.float64)
        means = sums / np.maximum(there.sum(axis=1), 1)
        order: np.ndarray = np.argsort(-means, kind="stable")
        excited: np.ndarray = order[self.activations[order, 0] > 0]
        return excited

    @property
    def dead(self) -> np.ndarray:
        """The units that no image excites, int64 (units,)."""
        return np.flatnonzero(self.activations[:, 0] <= 0)


def batch_size(image_shape: Sequence[int]) -> int:
    """Returns how many images (H, W, C) at a time keep all feature maps within some 300 MB."""
    return max(1, min(_MOST, _PIXELS // (image_shape[0] * image_shape[1])))


def strongest(
    model: keras.Model,
    batches: Iterable[Any],
    layers: Sequence[str] | None = None,
    *,
    k: int = 9,
) -> dict[str, Strongest]:
    """Finds the images that excite each unit of some layers most, in one pass over them.

    Memory does not depend on the number of images.

    Args:
        model: Functional, from uint8 images to logits.
        batches: Images uint8 (B, H, W, C), B of any size.
        layers: Names, of `feature_maps`; all of them if None.
        k: How many images of each unit.

    Returns:
        By the name of the layer.

    Raises:
        UserError: If a layer has no feature maps.
    """
    maps = feature_maps(model)
    names = list(maps) if layers is None else list(layers)
    chosen = {name: maps.get(name) or maps_of(model, name) for name in names}
    # Layers may end in one place: a pointwise layer after another.
    outputs = {maps.output: maps.shape[2] for maps in chosen.values()}
    network = keras.Model(
        model.inputs[0], {output: model.get_layer(output).output for output in outputs}
    )

    def step(images: tf.Tensor, first: tf.Tensor, kept: Any) -> Any:
        found = network(images, training=False)
        return {output: _merged(found[output], first, kept[output], k) for output in outputs}

    kept = {
        output: (
            tf.fill((units, k), -np.inf),
            tf.fill((units, k), tf.constant(-1, tf.int64)),
            tf.zeros((units, k), tf.int64),
        )
        for output, units in outputs.items()
    }
    compiled, first = tf.function(step, autograph=False, reduce_retracing=True), 0
    with _quick(model):
        for images in batches:
            kept = compiled(tf.convert_to_tensor(images), tf.constant(first, tf.int64), kept)
            first += len(images)
    found = {}
    for name in names:
        values, images, cells = (part.numpy() for part in kept[chosen[name].output])
        rows, columns = np.divmod(cells, chosen[name].shape[1])
        found[name] = Strongest(values, images, np.stack([rows, columns], -1).astype(np.int32))
    return found


def _merged(maps: Any, first: Any, kept: tuple[Any, Any, Any], k: int) -> tuple[Any, Any, Any]:
    """Returns the k strongest of those kept (units, k) and of a batch's maps (B, H, W, units)."""
    maps = tf.cast(maps, tf.float32)
    height, width, units = maps.shape[1:]
    flat = tf.reshape(maps, (-1, height * width, units))
    best = tf.transpose(tf.reduce_max(flat, axis=1))  # (units, B)
    # Of equal values `top_k` takes the first, which are those of the earlier images.
    values, images = tf.math.top_k(best, tf.minimum(k, tf.shape(best)[1]))
    # The place in a map is looked up for those alone that come to stay.
    better = tf.where(values > kept[0][:, -1:])  # (n, 2): unit, and which of its values
    image = tf.gather_nd(images, better)[:, None]
    unit = tf.cast(better[:, :1], tf.int32)
    cells = tf.broadcast_to(tf.range(height * width), (tf.shape(better)[0], height * width))
    one = tf.ones_like(cells)
    columns = tf.gather_nd(flat, tf.stack([image * one, cells, unit * one], axis=-1))
    cell = tf.scatter_nd(better, tf.argmax(columns, axis=1), tf.shape(values, tf.int64))
    merged = (
        tf.concat([kept[0], values], 1),
        tf.concat([kept[1], tf.cast(images, tf.int64) + first], 1),
        tf.concat([kept[2], cell], 1),
    )
    values, order = tf.math.top_k(merged[0], k)
    return (
        values,
        tf.gather(merged[1], order, batch_dims=1),
        tf.gather(merged[2], order, batch_dims=1),
    )


@contextlib.contextmanager
def _quick(model: keras.Model) -> Iterator[None]:
    """Lets a network compute with the fast equivalents of its layers for a while."""
    quicken(model, default_device())
    try:
        yield
    finally:
        plain(model)
