"""The head of a network, which new classes need anew, and the stages of the backbone before it."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable
from typing import Any

from kerascnn.arithmetic.analysis import nodes, outputs
from kerascnn.arithmetic.layers import kernels_of
from kerascnn.backend import keras
from kerascnn.training.optimizer_spec import OptimizerSpec


def head_layers(model: keras.Model, new: Iterable[str] = ()) -> set[str]:
    """Returns the names of the layers that are trained first where a network is fine-tuned.

    The last layer whose kernel is trained, what comes after it, and what only auxiliary heads have.

    Args:
        model: Before layers of it are frozen.
        new: Names of layers that have no trained weights to start from, which are among them too.
    """
    main = [node.operation for node in nodes(outputs(model)[:1])]
    last = max((place for place, layer in enumerate(main) if _learns(layer)), default=0)
    before = {layer.name for layer in main[:last]} - set(new)
    return {layer.name for layer in model.layers if layer.weights and layer.name not in before}


def _learns(layer: Any) -> bool:
    trained = {id(weight) for weight in getattr(layer, "trainable_weights", [])}
    return any(id(kernel) in trained for kernel in kernels_of(layer))


def stages(model: keras.Model, head: Collection[str]) -> dict[str, int]:
    """Returns the stage of each layer of the backbone: 0 for the last, 1 for the one before it.

    A stage has the layers whose maps are of one size, to half a halving of their sides; all that
    is no map is the last one. Where maps shrink for a while only, as in squeeze-and-excitation, the
    size that they come back to counts.

    Args:
        model: Functional, with inputs of known size.
        head: From `head_layers`.
    """
    sizes: dict[str, int] = {}
    onward: dict[int, int] = {}  # by the identity of a tensor: the largest map made from it
    for node in reversed(list(nodes(outputs(model)[:1]))):
        size = max(max(_positions(t), onward.get(id(t), 1)) for t in node.output_tensors)
        for tensor in node.input_tensors:
            onward[id(tensor)] = max(size, onward.get(id(tensor), 1))
        layer = node.operation
        if getattr(layer, "weights", None) and layer.name not in head:
            sizes[layer.name] = max(size, sizes.get(layer.name, 1))
    halvings = {name: round(-math.log2(size) / 2) for name, size in sizes.items()}
    order = sorted(set(halvings.values()), reverse=True)
    return {name: order.index(count) for name, count in halvings.items()}


def _positions(tensor: Any) -> int:
    return math.prod(tensor.shape[1:-1])


def rate_factors(
    spec: OptimizerSpec, model: keras.Model, head: Collection[str]
) -> dict[str, float]:
    """Returns what the learning rate is multiplied by, by the name of the layer; 1 for all others.

    Layers further from the head have learnt what is more general, and change less: discriminative
    fine-tuning (Howard and Ruder 2018, section 3.2), by a factor a layer as in ELECTRA (Clark et
    al. 2020) and BEiT (Bao et al. 2022), whose layers all have maps of one size.

    Args:
        spec: Its `backbone_rate` and `layer_decay` are read.
        model: As for `stages`.
        head: From `head_layers`.
    """
    if spec.backbone_rate == spec.layer_decay == 1:
        return {}
    return {
        name: spec.backbone_rate * spec.layer_decay**stage
        for name, stage in stages(model, head).items()
    }
