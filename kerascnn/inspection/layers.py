"""The layers of a network that one looks into: their names, feature maps and receptive fields."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from kerascnn.arithmetic import ReceptiveField, analyze
from kerascnn.arithmetic.layers import is_pointwise, kernels_of, kind
from kerascnn.backend import keras
from kerascnn.errors import UserError, unknown

_MOST_STAGES = 8


@dataclass(frozen=True)
class FeatureMaps:
    """The feature maps of a layer.

    Attributes:
        name: The layer, as `kerascnn summary` lists it.
        output: Name of the Keras layer that they come out of: behind the batch norm and the
            activation that `kerascnn summary` counts with the layer.
        what: Such as "conv 3x3/2".
        shape: (H, W, C).
        fields: Receptive field of a unit, (vertical, horizontal).
    """

    name: str
    output: str
    what: str
    shape: tuple[int, int, int]
    fields: tuple[ReceptiveField, ReceptiveField]


def feature_maps(model: keras.Model) -> dict[str, FeatureMaps]:
    """Returns the layers of a network that have feature maps, by name, from the input on.

    Args:
        model: Functional, from images to logits.
    """
    found = {}
    for row in analyze(model).main:
        if row.kind == "input" or len(row.output_shape) != 3:
            continue
        height, width, channels = row.output_shape
        found[row.name] = FeatureMaps(
            name=row.name,
            output=_end(model.get_layer(row.name)).name,
            what=" ".join(filter(None, (row.kind, row.window))),
            shape=(height, width, channels),
            fields=row.fields,
        )
    return found


def weighted_layers(model: keras.Model) -> dict[str, str]:
    """Returns the layers that multiply their input by weights, by name, from the input on.

    Args:
        model: Functional, from images to logits.

    Returns:
        For each, the name of the Keras layer that its values come out of, as
        `FeatureMaps.output`.
    """
    layers = [model.get_layer(row.name) for row in analyze(model).main if row.kind != "input"]
    return {layer.name: _end(layer).name for layer in layers if kernels_of(layer)}


def _end(layer: Any) -> Any:
    """Returns the last of the layers behind one that only change its values, in place."""
    while (reader := only_reader(layer)) is not None:
        before, after = tuple(layer.output.shape[1:]), tuple(reader.output.shape[1:])
        same = before == after and is_pointwise(reader, before, after)
        if not same or kind(reader) in ("dropout", "zero padding"):
            break
        layer = reader
    return layer


def only_reader(layer: Any) -> Any:
    """Returns the layer that reads what a layer computes, and nothing else; None if there is none.

    None, too, where several read it.
    """
    nodes = {id(node.operation): node for node in layer._outbound_nodes}
    if len(nodes) != 1:
        return None
    (node,) = nodes.values()
    return node.operation if len(node.input_tensors) == 1 else None


def maps_of(model: keras.Model, name: str) -> FeatureMaps:
    """Returns the feature maps of one layer.

    Args:
        model: Functional, from images to logits.
        name: As `kerascnn summary` lists it.

    Raises:
        UserError: If there is no such layer, or it has no feature maps.
    """
    known = feature_maps(model)
    if name in known:
        return known[name]
    names = [layer.name for layer in model.layers]
    if name not in names:
        raise unknown("layer", name, known, hint="'kerascnn summary' lists them")
    raise UserError(f"layer '{name}' has no feature maps of its own: known: {', '.join(known)}")


def last_maps(model: keras.Model) -> FeatureMaps:
    """Returns the last feature maps of a network that are larger than one position.

    Raises:
        UserError: If it has none, as a fully connected one.
    """
    spatial = [maps for maps in feature_maps(model).values() if min(maps.shape[:2]) > 1]
    if not spatial:
        raise UserError(f"{model.name} has no feature maps: it is not convolutional")
    return spatial[-1]


def stages(model: keras.Model) -> list[str]:
    """Returns the names of the layers that a network is followed at, eight at most.

    The last layer of each size of map, behind the first kernel, and the last before each dense
    layer; the logits.
    """
    found: dict[tuple[object, ...], str] = {}
    begun, dense = False, ""
    for layer in model.layers:
        kernel = any(len(weight.shape) >= 2 for weight in layer.weights)
        begun = begun or kernel
        if not begun or isinstance(layer, _only_moving()):
            continue
        shape = layer.output.shape
        if len(shape) == 4:
            found[("map", *shape[1:3])] = layer.name
        else:
            dense = layer.name if kernel or not dense else dense
            found[("features", dense)] = layer.name
    names = list(found.values())
    if len(names) <= _MOST_STAGES:
        return names
    chosen = np.linspace(0, len(names) - 1, _MOST_STAGES).round().astype(int)
    return [names[i] for i in chosen]


def _only_moving() -> tuple[type[keras.layers.Layer], ...]:
    """Returns the layers that compute nothing."""
    return keras.layers.Flatten, keras.layers.Reshape, keras.layers.ZeroPadding2D


def followed(model: keras.Model, names: Sequence[str]) -> keras.Model:
    """Returns a network from the same images to what some of its layers compute, and the logits.

    Args:
        model: Functional, from images to logits.
        names: Of Keras layers, such as `FeatureMaps.output`.
    """
    outputs = [model.get_layer(name).output for name in names]
    return keras.Model(model.inputs[0], [*outputs, model.outputs[0]])


def from_floats(
    model: keras.Model, change: Callable[[keras.Layer], keras.Layer] = lambda layer: layer
) -> keras.Model:
    """Returns a copy of a network that takes pixels as floats, so that they have gradients.

    Its layers have the names and weights of the network's own, which stay as they are.

    Args:
        model: Functional, from uint8 images (B, H, W, C) to logits.
        change: Gets the copy of each layer before it is called, and returns what takes its place:
            that copy, or a layer with the same weights.

    Returns:
        From float32 images of 0..255 to the same outputs.
    """

    def copied(layer: keras.Layer) -> keras.Layer:
        return change(type(layer).from_config(layer.get_config()))

    images = keras.Input(model.input_shape[1:], dtype="float32", name="images")
    copy = keras.models.clone_model(model, input_tensors=images, clone_function=copied)
    copy.set_weights(model.get_weights())
    return copy


_MOST_ACTIVATIONS = 2**26  # numbers in the feature maps of one batch: 256 MB
_MOST_IMAGES = 256


def images_at_once(model: keras.Model, most: int = _MOST_IMAGES) -> int:
    """Returns how many images a network is given at once, so that their feature maps fit.

    Args:
        model: Functional, from images to logits.
        most: At most.
    """
    return max(1, min(most, _MOST_ACTIVATIONS // analyze(model).activations))


def logits_of(model: keras.Model, images: np.ndarray) -> np.ndarray:
    """Returns what a network answers, float32 (N, classes), batch by batch.

    Args:
        model: From images to logits.
        images: (N, H, W, C), of the type that it takes.
    """
    size = images_at_once(model)
    parts = [model.predict_on_batch(images[i : i + size]) for i in range(0, len(images), size)]
    return np.concatenate(parts)


def output_of(model: keras.Model, name: str) -> str:
    """Returns the Keras layer that what a layer computes comes out of, as `FeatureMaps.output`.

    Args:
        model: Functional, from images to logits.
        name: As `kerascnn summary` lists it; a fully connected layer, too.

    Raises:
        UserError: If there is no such layer.
    """
    names = [row.name for row in analyze(model).main if row.kind != "input"]
    if name not in names:
        raise unknown("layer", name, names, hint="'kerascnn summary' lists them")
    return str(_end(model.get_layer(name)).name)
