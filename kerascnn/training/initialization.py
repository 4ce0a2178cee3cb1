"""Where weights start from, and which of them stay there."""

from __future__ import annotations

import fnmatch
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from kerascnn.backend import keras
from kerascnn.errors import UserError, unknown
from kerascnn.models.build import main_head
from kerascnn.training.spec import EVERY_LAYER


def match_layers(model: keras.Model, patterns: Iterable[str], field: str) -> list[keras.Layer]:
    """Returns the layers with weights whose name fits any of the patterns, in the model's order.

    Args:
        model: A network.
        patterns: Names of layers, with * and ? as in file names.
        field: The field of the recipe that the patterns come from.

    Raises:
        UserError: If a pattern fits no layer; names the closest ones.
    """
    layers = [layer for layer in model.layers if layer.weights]
    names = [layer.name for layer in layers]
    chosen: set[str] = set()
    for pattern in patterns:
        fitting = fnmatch.filter(names, pattern)
        if not fitting:
            hint = f"'kerascnn summary {model.name}' lists them"
            raise unknown(f"layer in {field}", pattern, names, hint=hint)
        chosen.update(fitting)
    return [layer for layer in layers if layer.name in chosen]


@dataclass(frozen=True)
class StartingWeights:
    """Trained weights that a network may start from.

    Attributes:
        source: Where they are from, in words.
        layers: Weights by the name of the layer.
    """

    source: str
    layers: Mapping[str, Sequence[np.ndarray]]

    @classmethod
    def of(cls, model: keras.Model, source: str) -> StartingWeights:
        """Returns the weights of a network."""
        layers = {layer.name: layer.get_weights() for layer in model.layers if layer.weights}
        return cls(source, layers)


@dataclass(frozen=True)
class CopiedWeights:
    """What `copy_weights` found.

    Attributes:
        taken: Names of the layers that got the source's weights.
        left: Names of the other layers with weights, and why each keeps its random ones.
    """

    taken: tuple[str, ...]
    left: dict[str, str]

    def __str__(self) -> str:
        """As the user is told."""
        total = len(self.taken) + len(self.left)
        text = f"the weights of {len(self.taken)} of {total} layers"
        if not self.left:
            return text
        first = [f"{name} ({reason})" for name, reason in list(self.left.items())[:4]]
        more = f" and {len(self.left) - 4} more" if len(self.left) > 4 else ""
        return f"{text}; new: {', '.join(first)}{more}"


def copy_weights(
    model: keras.Model, source: StartingWeights, patterns: Iterable[str] = EVERY_LAYER
) -> CopiedWeights:
    """Copies the weights of the layers that match by name and shape.

    VGG's deeper nets start from the layers of net A (Simonyan and Zisserman 2015, section 3.1); a
    network for other classes starts from all layers but the last.

    Args:
        model: Changed in place.
        source: Left as it is.
        patterns: Names of layers that may be taken, with * and ?. If they are all, every layer of
            feature maps must be there, and no other one: the source is of the same network. Fully
            connected layers, and the last one, may be new.

    Raises:
        UserError: If a pattern fits no layer of the model, no layer matches, or the source is of
            another network; names the first layer that does not fit.
    """
    patterns = tuple(patterns)
    wanted = {layer.name for layer in match_layers(model, patterns, "training.initialize_layers")}
    fits, left = _fitting(model, source, wanted)
    if patterns == EVERY_LAYER:
        _check_same_network(model, source, left)
    if not fits:
        raise UserError(
            f"training.initialize: no layer of {model.name} has the name and shape of one of "
            f"{source.source}'s ({', '.join(list(source.layers)[:6])}, ...)"
        )
    return CopiedWeights(_copied(fits), left)


_Fits = list[tuple[keras.Layer, Sequence[np.ndarray]]]


def _fitting(
    model: keras.Model, source: StartingWeights, wanted: Collection[str]
) -> tuple[_Fits, dict[str, str]]:
    """Returns the layers whose weights are there, with these; and why others are not."""
    fits: _Fits = []
    left = {}
    for layer in model.layers:
        if not layer.weights:
            continue
        theirs = source.layers.get(layer.name)
        if layer.name not in wanted:
            left[layer.name] = "not asked for"
        elif theirs is None:
            left[layer.name] = "not in the source"
        elif [tuple(weight.shape) for weight in layer.weights] != [w.shape for w in theirs]:
            left[layer.name] = f"{_shapes(layer.weights)} here, {_shapes(theirs)} there"
        else:
            fits.append((layer, theirs))
    return fits, left


def _copied(fits: _Fits) -> tuple[str, ...]:
    """Gives layers their weights; returns their names."""
    for layer, theirs in fits:
        layer.set_weights(theirs)
        if isinstance(layer, keras.layers.Normalization):
            layer.finalize_state()  # it computes with a copy of its statistics
    return tuple(layer.name for layer, _ in fits)


def _check_same_network(
    model: keras.Model, source: StartingWeights, left: Mapping[str, str]
) -> None:
    """Raises if layers of feature maps do not fit: what follows them would see something else."""
    advice = "training.initialize_layers=[NAMES] takes some layers only"
    *maps, _ = [layer for layer in main_head(model).layers if layer.weights]
    for layer in maps:
        if layer.name in left and len(layer.output.shape) == 4:
            reason = left[layer.name]
            if reason == "not in the source":
                reason = f"{_shapes(layer.weights)} here, no such layer there"
            raise UserError(
                f"training.initialize: {source.source} is of another network than {model.name}: "
                f"{layer.name} has {reason}; {advice}"
            )
    names = {layer.name for layer in model.layers}
    *theirs, _ = source.layers
    for name in theirs:
        weights = source.layers[name]
        if name not in names and np.ndim(weights[0]) == 4:
            raise UserError(
                f"training.initialize: {source.source} is of another network than {model.name}, "
                f"which has no {name} ({_shapes(weights)} there); {advice}"
            )


def _shapes(weights: Iterable[Any]) -> str:
    return " and ".join("x".join(map(str, weight.shape)) for weight in weights)


@dataclass(frozen=True)
class Start:
    """What a run left for another one to go on from.

    Attributes:
        where: In words.
        model: Its network; None where `arrays` has the weights.
        arrays: The variables of its network, in order.
        optimizer: The variables of its optimizer, in order; None where they are not kept.
        optimizer_name: What that is called in its recipe.
    """

    where: str
    model: keras.Model | None = None
    arrays: Sequence[np.ndarray] | None = None
    optimizer: Sequence[np.ndarray] | None = None
    optimizer_name: str | None = None


def go_on(model: keras.Model, start: Start) -> str:
    """Puts all weights of another run's network into one of the same kind.

    Args:
        model: Changed in place.
        start: What the run left.

    Returns:
        What the user is told of it.

    Raises:
        UserError: If a layer is of another shape, or the other network has none of the name.
    """
    if start.arrays is not None:
        if [tuple(own.shape) for own in model.variables] != [old.shape for old in start.arrays]:
            raise UserError(f"training.continue_from: {model.name} is not the network of that run")
        for own, old in zip(model.variables, start.arrays, strict=True):
            own.assign(old)
        return start.where
    assert start.model is not None
    source = StartingWeights.of(start.model, start.where)
    fits, left = _fitting(model, source, {layer.name for layer in model.layers})
    heads = [name for name in left if name not in {layer.name for layer in main_head(model).layers}]
    other = [f"{name} ({reason})" for name, reason in left.items() if name not in heads]
    if other:
        raise UserError(
            f"training.continue_from: not the network of that run: {', '.join(other[:4])}; "
            "training.initialize takes the layers that match"
        )
    _copied(fits)
    return f"{start.where}{', the auxiliary heads anew' if heads else ''}"


def freeze(model: keras.Model, patterns: Iterable[str]) -> list[str]:
    """Keeps the weights of some layers as they are; batch norm among them stops counting too.

    Args:
        model: Changed in place, before it is compiled.
        patterns: Names of layers, with * and ?.

    Returns:
        The names of the layers that are frozen.

    Raises:
        UserError: If a pattern fits no layer, or nothing is left to train.
    """
    frozen = match_layers(model, patterns, "training.freeze")
    for layer in frozen:
        layer.trainable = False
    if not model.trainable_weights:
        raise UserError(f"training.freeze: {', '.join(patterns)} leaves nothing to train")
    return [layer.name for layer in frozen]
