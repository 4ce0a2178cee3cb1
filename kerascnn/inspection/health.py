"""How the layers of a network fare: their weights, their activations, and the gradients in them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from kerascnn.arithmetic.layers import kernels_of
from kerascnn.backend import keras, tf
from kerascnn.inspection.layers import followed, from_floats, images_at_once, weighted_layers
from kerascnn.layers import scaled_tanh

BINS = 60
_NEAR = 0.01  # of the range of a squashing function: closer to its end is saturated


@dataclass(frozen=True)
class Histogram:
    """How often values are where.

    Attributes:
        counts: int64 (B,).
        edges: float (B + 1,).
    """

    counts: np.ndarray
    edges: np.ndarray


@dataclass(frozen=True)
class LayerHealth:
    """A layer with weights, and what comes out of it behind batch norm and activation.

    Attributes:
        name: As `kerascnn summary` lists it.
        norm: The Euclidean norm of its weights, biases not counted.
        weights: Their histogram.
        activations: Histogram of what comes out.
        units: Feature maps, or units of a dense layer.
        dead: Share of them that are zero everywhere, for every image.
        saturated: Share of the values that are within a hundredth of the range of an end of tanh,
            LeCun's squash or the sigmoid, whose slope there is under 4% of its steepest; None for
            other activations.
    """

    name: str
    norm: float
    weights: Histogram
    activations: Histogram
    units: int
    dead: float
    saturated: float | None


@dataclass(frozen=True)
class Gradients:
    """How large the gradient of the loss is, layer by layer from the input on.

    Attributes:
        names: Of the layers.
        activations: Root of the mean square of dLoss/dactivation, the loss being one image's,
            (L,).
        weights: Root of the mean square of dLoss/dweight, the loss being the mean of a batch, (L,).
    """

    names: tuple[str, ...]
    activations: np.ndarray
    weights: np.ndarray


def health(model: keras.Model, batches: Callable[[], Iterable[np.ndarray]]) -> list[LayerHealth]:
    """Measures every layer with weights, from the input on.

    Goes through the images twice; memory does not depend on their number.

    Args:
        model: Functional, from uint8 images to logits.
        batches: Gives the images anew, uint8 (B, H, W, C).
    """
    layers = weighted_layers(model)
    ends = [_range_of(model.get_layer(name)) for name in layers.values()]
    network = followed(model, list(layers.values()))
    images = tf.TensorSpec((None, *model.input_shape[1:]), tf.uint8)

    def values_of(pixels: tf.Tensor) -> list[tf.Tensor]:
        *found, _ = network(pixels, training=False)
        return [tf.cast(values, tf.float32) for values in found]

    def survey(pixels: tf.Tensor) -> list[tuple[tf.Tensor, ...]]:
        return [
            (
                tf.reduce_min(values),
                tf.reduce_max(values),
                tf.reduce_any(values != 0, axis=list(range(len(values.shape) - 1))),
                tf.size(values, tf.int64),
                tf.math.count_nonzero(_saturated(values, end)) if end else tf.constant(0, tf.int64),
            )
            for values, end in zip(values_of(pixels), ends, strict=True)
        ]

    def count(pixels: tf.Tensor, ranges: tf.Tensor) -> list[tf.Tensor]:
        return [
            tf.histogram_fixed_width(values, ranges[number], BINS, tf.int64)
            for number, values in enumerate(values_of(pixels))
        ]

    survey = tf.function(survey, input_signature=[images])
    count = tf.function(count, input_signature=[images, tf.TensorSpec((None, 2), tf.float32)])
    found: list[list[Any]] = []
    for pixels in batches():
        new = [[part.numpy() for part in layer] for layer in survey(tf.constant(pixels))]
        found = [_joined(*pair) for pair in zip(found, new, strict=True)] if found else new
    ranges = np.array([_wide(low, high) for low, high, *_ in found], np.float32)
    counts = np.zeros((len(layers), BINS), np.int64)
    for pixels in batches():
        counts += np.array([part.numpy() for part in count(tf.constant(pixels), ranges)])
    rows = []
    for number, name in enumerate(layers):
        _, _, living, size, saturated = found[number]
        kernels = [np.asarray(kernel, np.float32) for kernel in kernels_of(model.get_layer(name))]
        weights = np.concatenate([kernel.ravel() for kernel in kernels])
        low, high = map(float, ranges[number])
        rows.append(
            LayerHealth(
                name=name,
                norm=float(np.linalg.norm(weights)),
                weights=Histogram(*np.histogram(weights, BINS)),
                activations=Histogram(counts[number], np.linspace(low, high, BINS + 1)),
                units=len(living),
                dead=float(1 - living.mean()),
                saturated=float(saturated / size) if ends[number] else None,
            )
        )
    return rows


def _joined(first: list[Any], second: list[Any]) -> list[Any]:
    """Returns what was surveyed in two batches."""
    (low, high, alive, size, saturated), more = first, second
    return [
        min(low, more[0]),
        max(high, more[1]),
        alive | more[2],
        size + more[3],
        saturated + more[4],
    ]


def _wide(low: float, high: float) -> tuple[float, float]:
    """Returns a range that is not empty."""
    return (low, high) if high > low else (low - 0.5, high + 0.5)


def _range_of(layer: Any) -> tuple[float, float] | None:
    """Returns between what values a layer's activation squashes; None for those that do not."""
    bounds = {
        keras.activations.tanh: (-1.0, 1.0),
        keras.activations.sigmoid: (0.0, 1.0),
        scaled_tanh: (-1.7159, 1.7159),
    }
    return bounds.get(getattr(layer, "activation", None))


def _saturated(values: tf.Tensor, ends: tuple[float, float]) -> tf.Tensor:
    margin = _NEAR * (ends[1] - ends[0])
    return (values < ends[0] + margin) | (values > ends[1] - margin)


def batch_for_gradients(model: keras.Model, most: int = 128) -> int:
    """Returns how many images are seen at once, so that what their gradients need fits.

    Args:
        model: Functional, from images to logits.
        most: At most.
    """
    return max(2, images_at_once(model, most))


def gradient_sizes(model: keras.Model, images: np.ndarray, labels: np.ndarray) -> Gradients:
    """Measures the gradient of the cross-entropy at every layer with weights, as training sees it.

    Batch norm takes the statistics of this batch, and dropout drops; the network stays as it is.

    Args:
        model: Functional, from uint8 images to logits.
        images: uint8 (B, H, W, C), at least two.
        labels: int (B,).
    """
    copy = from_floats(model)
    layers = weighted_layers(copy)
    network = followed(copy, list(layers.values()))
    kernels = [[weight.value for weight in kernels_of(copy.get_layer(name))] for name in layers]
    pixels = tf.constant(images, tf.float32)
    with tf.GradientTape() as tape:
        tape.watch([pixels, *(kernel for of_layer in kernels for kernel in of_layer)])  # frozen too
        *activations, logits = network(pixels, training=True)
        loss = tf.reduce_sum(
            tf.nn.sparse_softmax_cross_entropy_with_logits(labels=labels, logits=logits)
        )
    of_activations, of_weights = tape.gradient(loss, (activations, kernels))
    return Gradients(
        names=tuple(layers),
        activations=np.array([_size([found]) for found in of_activations]),
        weights=np.array([_size(found) / len(images) for found in of_weights]),
    )


def _size(gradients: list[Any]) -> float:
    """Returns the root of the mean square of all numbers in some tensors."""
    values = [np.asarray(tf.cast(found, tf.float32)).ravel() for found in gradients]
    return float(np.sqrt(np.mean(np.square(np.concatenate(values), dtype=np.float64))))
