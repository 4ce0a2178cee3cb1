"""Where weights start from, and which of them stay there."""

from __future__ import annotations

import fnmatch
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from kerascnn.backend import keras
from kerascnn.errors import UserError, unknown
from kerascnn.models.build import main_head


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
    model: keras.Model, source: keras.Model, patterns: Iterable[str] = ("*",)
) -> CopiedWeights:
    """Copies the weights of the layers that match by name and shape from another network.

    VGG's deeper nets start from the layers of net A (Simonyan and Zisserman 2015, section 3.1); a
    network for other classes starts from all layers but the last.

    Args:
        model: Changed in place.
        source: Left as it is.
        patterns: Names of layers that may be taken, with * and ?.

    Raises:
        UserError: If a pattern fits no layer of the model, or no layer matches.
    """
    wanted = {layer.name for layer in match_layers(model, patterns, "training.initialize_layers")}
    theirs = {layer.name: layer for layer in source.layers if layer.weights}
    taken, left = [], {}
    for layer in model.layers:
        if not layer.weights:
            continue
        other = theirs.get(layer.name)
        if layer.name not in wanted:
            left[layer.name] = "not asked for"
        elif other is None:
            left[layer.name] = "not in the source"
        elif [weight.shape for weight in layer.weights] != [w.shape for w in other.weights]:
            left[layer.name] = "of another shape"
        else:
            layer.set_weights(other.get_weights())
            taken.append(layer.name)
    if not taken:
        raise UserError(
            f"training.initialize: no layer of {model.name} has the name and shape of one of "
            f"{source.name}'s ({', '.join(list(theirs)[:6])}, ...)"
        )
    return CopiedWeights(tuple(taken), left)


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
    left = copy_weights(model, start.model).left
    heads = [name for name in left if name not in {layer.name for layer in main_head(model).layers}]
    other = [f"{name} ({reason})" for name, reason in left.items() if name not in heads]
    if other:
        raise UserError(
            f"training.continue_from: not the network of that run: {', '.join(other[:4])}; "
            "training.initialize takes the layers that match"
        )
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
