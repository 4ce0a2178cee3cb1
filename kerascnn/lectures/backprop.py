"""Backpropagation on the computation graphs of the lectures, number by number.

A graph is a list of scalar nodes, each after those that it is computed from. Forwards every node
gets its value; backwards every node adds up, over the nodes that use it, their derivative times
that of theirs by it: the chain rule, with each derivative computed once.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, get_args

import numpy as np


@dataclass(frozen=True)
class Operation:
    """A function of some numbers, with its derivatives.

    Attributes:
        text: Its formula, with {0}, {1}, ... for the names of what it is of.
        value: The function.
        partials: Its derivative by each of them, given them.
        partial_texts: Their formulas; {y} is the name of the result.
    """

    text: str
    value: Callable[..., float]
    partials: Callable[..., Sequence[float]]
    partial_texts: Sequence[str]


def _sigmoid(x: float) -> float:
    return 1 / (1 + math.exp(-x))


COSINE = Operation("cos({0})", math.cos, lambda x: [-math.sin(x)], ["-sin({0})"])
SINE = Operation("sin({0})", math.sin, lambda x: [math.cos(x)], ["cos({0})"])
SQUARE = Operation("{0}^2", lambda x: x * x, lambda x: [2 * x], ["2 {0}"])
EXPONENTIAL = Operation("exp({0})", math.exp, lambda x: [math.exp(x)], ["{y}"])
QUOTIENT = Operation(
    "{0} / {1}", lambda x, y: x / y, lambda x, y: [1 / y, -x / y**2], ["1 / {1}", "-{0} / {1}^2"]
)
SIGMOID = Operation(
    "sigmoid({0})",
    _sigmoid,
    lambda x: [_sigmoid(x) * (1 - _sigmoid(x))],
    ["{y} (1 - {y})"],
)


def scaled(factor: float) -> Operation:
    """Returns the multiplication by a constant."""
    return Operation(f"{factor:g} {{0}}", lambda x: factor * x, lambda x: [factor], [f"{factor:g}"])


def total(count: int) -> Operation:
    """Returns the sum of some numbers."""
    text = " + ".join(f"{{{i}}}" for i in range(count))
    return Operation(text, lambda *x: math.fsum(x), lambda *x: [1.0] * count, ["1"] * count)


def dot(count: int) -> Operation:
    """Returns the sum of so many products: of numbers 0 and 1, 2 and 3, ..."""
    text = " + ".join(f"{{{2 * i}}} {{{2 * i + 1}}}" for i in range(count))
    partner = [i + 1 - 2 * (i % 2) for i in range(2 * count)]
    return Operation(
        text,
        lambda *x: math.fsum(x[2 * i] * x[2 * i + 1] for i in range(count)),
        lambda *x: [x[i] for i in partner],
        [f"{{{i}}}" for i in partner],
    )


def maximum(count: int) -> Operation:
    """Returns the largest of some numbers; where two are equal, the derivative is the first's."""
    text = f"max({', '.join(f'{{{i}}}' for i in range(count))})"

    def partials(*x: float) -> list[float]:
        return [float(i == x.index(max(x))) for i in range(count)]

    return Operation(text, lambda *x: max(x), partials, ["1 if the largest"] * count)


def log_likelihood(label: float) -> Operation:
    """Returns y* log y + (1 - y*) log(1 - y), of the probability y, for a label y*."""
    return Operation(
        "y* log {0} + (1 - y*) log(1 - {0})",
        lambda y: label * math.log(y) + (1 - label) * math.log(1 - y),
        lambda y: [label / y - (1 - label) / (1 - y)],
        ["y* / {0} - (1 - y*) / (1 - {0})"],
    )


def squared_error(label: float) -> Operation:
    """Returns (y - y*)^2 / 2."""
    return Operation(
        "({0} - y*)^2 / 2", lambda y: (y - label) ** 2 / 2, lambda y: [y - label], ["{0} - y*"]
    )


def log_of(labels: Sequence[float]) -> Operation:
    """Returns the sum of y*_k log y_k, the negative cross-entropy of probabilities."""
    return Operation(
        "sum of y*k log yk",
        lambda *y: math.fsum(label * math.log(p) for label, p in zip(labels, y, strict=True)),
        lambda *y: [label / p for label, p in zip(labels, y, strict=True)],
        [f"y*{i + 1} / {{{i}}}" for i in range(len(labels))],
    )


@dataclass
class Node:
    """A number of a graph.

    Attributes:
        name: Unique in the graph.
        value: Of it.
        operation: That it comes from; None for what is given.
        inputs: What the operation is of.
        partials: The derivative of it by each of them.
        derivative: Of the last node by it.
    """

    name: str
    value: float
    operation: Operation | None = None
    inputs: tuple[Node, ...] = ()
    partials: tuple[float, ...] = ()
    derivative: float = 0.0

    @property
    def formula(self) -> str:
        """How it is computed, such as "sin(t)"; empty for what is given."""
        if self.operation is None:
            return ""
        return self.operation.text.format(*(node.name for node in self.inputs))

    def partial_formula(self, index: int) -> str:
        """The formula of the derivative by one of its inputs."""
        assert self.operation is not None
        names = [node.name for node in self.inputs]
        return self.operation.partial_texts[index].format(*names, y=self.name)


@dataclass
class Graph:
    """A computation graph.

    Attributes:
        title: What it computes.
        nodes: In the order of the computation; the last one is what is derived.
        notes: Constants that the formulas name, such as "y* = 1".
    """

    title: str
    nodes: list[Node] = field(default_factory=list)
    notes: str = ""

    def given(self, values: Mapping[str, float]) -> list[Node]:
        """Adds numbers that are given, by name."""
        nodes = [Node(name, float(value)) for name, value in values.items()]
        self.nodes += nodes
        return nodes

    def apply(self, name: str, operation: Operation, *inputs: Node) -> Node:
        """Adds a number that is computed: the forward pass, a node at a time."""
        values = [node.value for node in inputs]
        node = Node(
            name,
            float(operation.value(*values)),
            operation,
            inputs,
            tuple(map(float, operation.partials(*values))),
        )
        self.nodes.append(node)
        return node

    def backward(self) -> Graph:
        """Fills in all derivatives of the last node: the backward pass. Returns the graph."""
        for node in self.nodes:
            node.derivative = 0.0
        self.nodes[-1].derivative = 1.0
        for node in reversed(self.nodes):
            for source, partial in zip(node.inputs, node.partials, strict=True):
                source.derivative += node.derivative * partial
        return self

    def node(self, name: str) -> Node:
        """Returns a node by its name."""
        return next(node for node in self.nodes if node.name == name)

    def table(self) -> list[tuple[str, str]]:
        """Returns the lines of the slides' table: forwards, and backwards beside it.

        From the last node to the first, as derivatives are computed. A node that is used more than
        once has a line for each use, whose derivatives are added.
        """
        last = self.nodes[-1].name
        lines = []
        for node in reversed(self.nodes):
            forward = f"{node.name} = {node.formula} = {node.value:.4g}"
            for index, source in enumerate(node.inputs):
                number = node.derivative * node.partials[index] + 0.0  # no -0
                own, by = node.partial_formula(index), f"d{last}/d{source.name} +="
                if node.name == last:
                    backward = f"{by} {own} = {number:.4g}"
                else:
                    partial = f"d{node.name}/d{source.name}"
                    backward = (
                        f"{by} d{last}/d{node.name} {partial} = {number:.4g}, {partial} = {own}"
                    )
                lines.append((forward, backward))
                forward = ""
        return lines


GraphName = Literal[
    "cosine", "logistic", "two-layer", "two-layer-squared", "softmax", "convolution", "max-pool"
]


def graph_of(name: GraphName) -> Graph:
    """Returns one of the lectures' graphs, with all values and derivatives."""
    return _GRAPHS[name]().backward()


def _cosine() -> Graph:
    graph = Graph("J = cos(sin(x^2) + 3 x^2)")
    (x,) = graph.given({"x": 2})
    t = graph.apply("t", SQUARE, x)
    u1 = graph.apply("u1", SINE, t)
    u2 = graph.apply("u2", scaled(3), t)
    graph.apply("J", COSINE, graph.apply("u", total(2), u1, u2))
    return graph


def _logistic() -> Graph:
    graph = Graph("Logistic regression", notes="y* = 1")
    w1, x1, w2, x2, w3, x3 = graph.given(
        {"θ1": 0.5, "x1": 1.0, "θ2": -1.0, "x2": 2.0, "θ3": 0.25, "x3": -1.0}
    )
    a = graph.apply("a", dot(3), w1, x1, w2, x2, w3, x3)
    graph.apply("J", log_likelihood(1.0), graph.apply("y", SIGMOID, a))
    return graph


def _two_layer(title: str, loss: Callable[[float], Operation]) -> Graph:
    graph = Graph(title, notes="y* = 1")
    a11, x1, a12, x2, a21, a22 = graph.given(
        {"α11": 0.5, "x1": 1.0, "α12": -0.5, "x2": 2.0, "α21": 1.0, "α22": 0.25}
    )
    z1 = graph.apply("z1", SIGMOID, graph.apply("a1", dot(2), a11, x1, a12, x2))
    z2 = graph.apply("z2", SIGMOID, graph.apply("a2", dot(2), a21, x1, a22, x2))
    b1, b2 = graph.given({"β1": 1.0, "β2": -2.0})
    b = graph.apply("b", dot(2), b1, z1, b2, z2)
    graph.apply("J", loss(1.0), graph.apply("y", SIGMOID, b))
    return graph


def _softmax() -> Graph:
    graph = Graph("Softmax and cross-entropy", notes="y* = (0, 1, 0)")
    scores = graph.given({"b1": 1.0, "b2": 0.5, "b3": -1.0})
    powers = [graph.apply(f"e{i}", EXPONENTIAL, b) for i, b in enumerate(scores, start=1)]
    s = graph.apply("s", total(3), *powers)
    chances = [graph.apply(f"y{i}", QUOTIENT, e, s) for i, e in enumerate(powers, start=1)]
    graph.apply("J", log_of([0.0, 1.0, 0.0]), *chances)
    return graph


def _convolution() -> Graph:
    graph = Graph("A convolution: one kernel k, used everywhere on x", notes="y* = 1 everywhere")
    k1, k2 = graph.given({"k1": 0.5, "k2": -1.0})
    x = graph.given({"x1": 1.0, "x2": 2.0, "x3": -1.0, "x4": 3.0})
    losses = []
    for i in range(3):
        y = graph.apply(f"y{i + 1}", dot(2), k1, x[i], k2, x[i + 1])
        losses.append(graph.apply(f"J{i + 1}", squared_error(1.0), y))
    graph.apply("J", total(3), *losses)
    return graph


def _max_pool() -> Graph:
    graph = Graph("Max pooling, windows of three at stride 2", notes="y* = 1 everywhere")
    x = graph.given({"x1": 1.0, "x2": 0.5, "x3": 4.0, "x4": 0.25, "x5": 2.0, "x6": 3.0, "x7": 0.0})
    losses = []
    for i in range(3):
        y = graph.apply(f"y{i + 1}", maximum(3), *x[2 * i : 2 * i + 3])
        losses.append(graph.apply(f"J{i + 1}", squared_error(1.0), y))
    graph.apply("J", total(3), *losses)
    return graph


_GRAPHS: Mapping[GraphName, Callable[[], Graph]] = {
    "cosine": _cosine,
    "logistic": _logistic,
    "two-layer": lambda: _two_layer("Two layers of sigmoids, log-likelihood", log_likelihood),
    "two-layer-squared": lambda: _two_layer("Two layers of sigmoids, squared error", squared_error),
    "softmax": _softmax,
    "convolution": _convolution,
    "max-pool": _max_pool,
}
assert set(_GRAPHS) == set(get_args(GraphName))


def layers_of(graph: Graph) -> list[list[Node]]:
    """Returns the nodes in layers, each below those that use it; for a picture.

    A node that is computed lies one above the highest that it is of, a given one right below the
    lowest that uses it. Within a layer, nodes lie near what they are connected to (the barycentre
    method of Sugiyama et al. 1981).
    """
    level: dict[str, int] = {}
    for node in graph.nodes:
        level[node.name] = 1 + max((level[source.name] for source in node.inputs), default=-1)
    users: dict[str, list[Node]] = {node.name: [] for node in graph.nodes}
    for node in graph.nodes:
        for source in node.inputs:
            users[source.name].append(node)
    for node in graph.nodes:
        if node.operation is None:
            level[node.name] = min(level[user.name] for user in users[node.name]) - 1
    layers = [
        [node for node in graph.nodes if level[node.name] == depth]
        for depth in range(max(level.values()) + 1)
    ]
    place = {
        node.name: i - (len(layer) - 1) / 2 for layer in layers for i, node in enumerate(layer)
    }
    for sweep in range(6):
        for layer in layers if sweep % 2 else layers[::-1]:
            near = {
                node.name: [place[other.name] for other in (*node.inputs, *users[node.name])]
                for node in layer
            }
            layer.sort(key=lambda node: float(np.mean(near[node.name])))
            for i, node in enumerate(layer):
                place[node.name] = i - (len(layer) - 1) / 2
    return layers
