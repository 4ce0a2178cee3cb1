"""The lecture's table for any built functional model: layer by layer, then the totals.

MACs are multiply-adds of weights, for one image; biases, pooling and normalisation are not counted.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from kerascnn.arithmetic.formulas import ReceptiveField
from kerascnn.arithmetic.layers import (
    Shape,
    is_pointwise,
    is_sliding,
    kernels_of,
    kind,
    macs_of,
    see,
    size_of,
    window_of,
)

if TYPE_CHECKING:
    import keras

BYTES = 4  # of a float32 number


@dataclass(frozen=True)
class Row:
    """One layer as the lectures count it, with the pointwise layers that follow it folded in.

    Attributes:
        name: The name of the layer.
        kind: "conv", "max pool", "lrn", "fc", "concat", "add", "input" ...
        window: "3x3/2" where it has one, else "".
        groups: That channels are split into.
        inputs: Names of the rows that it reads.
        folded: Kinds of the pointwise layers after it, such as ("bn", "relu").
        output_shape: (H, W, C) or (features,).
        weights: Trainable multipliers.
        biases: Every other trainable number: biases, batch norm's scale and shift, PReLU's slopes.
        statistics: Numbers that are not trained: batch norm's moving averages, fixed kernels.
        macs: Multiply-adds for one image.
        fields: Receptive field of a unit, (vertical, horizontal).
        auxiliary: Whether only an auxiliary head needs it, so that only training does.
    """

    name: str
    kind: str
    window: str
    groups: int
    inputs: tuple[str, ...]
    folded: tuple[str, ...]
    output_shape: Shape
    weights: int
    biases: int
    statistics: int
    macs: int
    fields: tuple[ReceptiveField, ReceptiveField]
    auxiliary: bool = False

    @property
    def activations(self) -> int:
        """Numbers that come out for one image."""
        return math.prod(self.output_shape)

    @property
    def parameters(self) -> int:
        """Trainable numbers."""
        return self.weights + self.biases

    @property
    def fully_connected(self) -> bool:
        """Whether every output reads every input."""
        return self.kind.endswith("fc")


@dataclass(frozen=True)
class Analysis:
    """The rows of a model, in the order in which they can be computed, and their totals.

    Auxiliary heads count in parameters and training memory, and in nothing else.
    """

    name: str
    rows: tuple[Row, ...]
    outputs: tuple[str, ...]

    def __getitem__(self, name: str) -> Row:
        """The row of that name."""
        return next(row for row in self.rows if row.name == name)

    @property
    def main(self) -> tuple[Row, ...]:
        """The rows that a prediction needs."""
        return tuple(row for row in self.rows if not row.auxiliary)

    @property
    def activations(self) -> int:
        """Numbers in all feature maps of one image, the input included."""
        return sum(row.activations for row in self.main)

    @property
    def parameters(self) -> int:
        """Trainable numbers."""
        return sum(row.parameters for row in self.rows)

    @property
    def statistics(self) -> int:
        """Numbers that are stored but not trained."""
        return sum(row.statistics for row in self.rows)

    @property
    def macs(self) -> int:
        """Multiply-adds for one image."""
        return sum(row.macs for row in self.main)

    @property
    def fully_connected_share(self) -> float:
        """Part of the parameters that is in fully connected layers, 0..1."""
        return sum(row.parameters for row in self.rows if row.fully_connected) / self.parameters

    def activation_bytes(self, batch_size: int = 1) -> int:
        """Returns the bytes of every feature map, all kept."""
        return self.activations * BYTES * batch_size

    def parameter_bytes(self) -> int:
        """Returns the bytes of everything that the saved model holds."""
        return (self.parameters + self.statistics) * BYTES

    def inference_bytes(self, batch_size: int = 1) -> int:
        """Returns the bytes of the feature maps that must exist at once.

        Each is freed after its last use. In a chain that is the largest adjacent pair. Weights
        come on top.
        """
        readers = {row.name: 0 for row in self.main}
        for row in self.main:
            for name in row.inputs:
                readers[name] += 1
        live: dict[str, int] = {}
        peak = 0
        for row in self.main:
            live[row.name] = row.activations
            peak = max(peak, sum(live.values()))
            for name in row.inputs:
                readers[name] -= 1
                if not readers[name]:
                    del live[name]
        return peak * BYTES * batch_size

    def training_bytes(self, batch_size: int = 1) -> int:
        """Roughly: feature maps and their gradients; weights, their gradients and momentum."""
        activations = sum(row.activations for row in self.rows)
        return (2 * activations * batch_size + 3 * self.parameters) * BYTES


def nodes(tensors: list[Any]) -> Iterator[Any]:
    """Yields each call of a layer after those that it reads, branch by branch."""
    done: set[int] = set()
    stack = [(tensor, False) for tensor in reversed(tensors)]
    while stack:
        tensor, ready = stack.pop()
        operation, index, _ = tensor._keras_history
        node = operation._inbound_nodes[index]
        if id(node) in done:
            continue
        if ready:
            done.add(id(node))
            yield node
        else:
            stack.append((tensor, True))
            stack.extend((parent, False) for parent in reversed(node.input_tensors))


def outputs(model: keras.Model) -> list[Any]:
    """Returns the model's outputs, the main one first."""
    if isinstance(model.output, dict):
        names = sorted(model.output, key=lambda name: (name != "logits", name))
        return [model.output[name] for name in names]
    return list(model.outputs)


def _activation(layer: Any) -> tuple[str, ...]:
    function = getattr(layer, "activation", None)
    name = getattr(function, "__name__", None) or type(function).__name__.lower()
    return () if function is None or name == "linear" else (name,)


def _weights(layer: Any) -> tuple[int, int, int]:
    """Trainable multipliers, other trainable numbers, numbers that are not trained."""
    trainable = getattr(layer, "trainable_weights", [])
    kernels = {id(weight) for weight in kernels_of(layer)}
    weights = size_of([weight for weight in trainable if id(weight) in kernels])
    fixed = [w for w in getattr(layer, "non_trainable_weights", []) if "seed" not in w.name]
    return weights, size_of(trainable) - weights, size_of(fixed)


def _folded(row: Row, layer: Any, *, moves: bool) -> Row:
    """The row with a pointwise layer folded in; one that only moves values leaves no trace."""
    _, biases, statistics = _weights(layer)
    linear = getattr(getattr(layer, "activation", None), "__name__", None) == "linear"
    label = () if moves or linear else _activation(layer) or (kind(layer),)
    return replace(
        row,
        folded=row.folded + label,
        biases=row.biases + biases,
        statistics=row.statistics + statistics,
    )


def analyze(model: keras.Model) -> Analysis:
    """Counts a functional model, layer by layer.

    Pointwise layers (activations, batch norm, dropout, padding, flattening) are folded into the
    row before them, as the papers' tables do. Where branches meet, the larger receptive field
    counts; for a residual sum that is the convolutions'.

    Args:
        model: Built, with inputs of known size; its weights need no values.
    """
    rows: dict[str, Row] = {}
    row_of: dict[int, str] = {}  # a tensor's row, by the tensor's identity
    fields_of: dict[int, tuple[ReceptiveField, ReceptiveField]] = {}
    counted: set[int] = set()  # layers whose weights have been counted; shared ones count once
    ends = outputs(model)
    auxiliary = False
    for node in nodes(ends):
        layer, inputs = node.operation, node.input_tensors
        output_shape: Shape = tuple(node.output_tensors[0].shape[1:])
        input_shape: Shape = tuple(inputs[0].shape[1:]) if inputs else output_shape
        before = tuple(dict.fromkeys(row_of[id(tensor)] for tensor in inputs))
        window = window_of(layer, input_shape, output_shape)
        fields = (ReceptiveField(), ReceptiveField())
        if inputs:
            widest = max((fields_of[id(tensor)] for tensor in inputs), key=lambda f: f[0].size)
            fields = see(widest, window)
        if len(inputs) == 1 and is_pointwise(layer, input_shape, output_shape):
            row = _folded(rows[before[0]], layer, moves=input_shape != output_shape)
        else:
            weights, biases, statistics = (0, 0, 0) if id(layer) in counted else _weights(layer)
            counted.add(id(layer))
            slides = len(output_shape) == 3 and is_sliding(layer)
            row = Row(
                name=layer.name if layer.name not in rows else f"{layer.name}@{len(rows)}",
                kind=kind(layer) if inputs else "input",
                window=str(window) if slides else "",
                groups=getattr(layer, "groups", 1),
                inputs=before,
                folded=_activation(layer),
                output_shape=output_shape,
                weights=weights,
                biases=biases,
                statistics=statistics,
                macs=macs_of(layer, input_shape, output_shape),
                fields=fields,
                auxiliary=auxiliary,
            )
        rows[row.name] = row
        auxiliary = auxiliary or any(tensor is ends[0] for tensor in node.output_tensors)
        for tensor in node.output_tensors:
            row_of[id(tensor)] = row.name
            fields_of[id(tensor)] = fields
    return Analysis(model.name, tuple(rows.values()), tuple(row_of[id(end)] for end in ends))
