"""Computation graphs against the closed forms of the lectures, and TensorFlow's GradientTape."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any, get_args

import numpy as np
import pytest
import tensorflow as tf

from kerascnn.lectures.backprop import (
    COSINE,
    QUOTIENT,
    SIGMOID,
    SQUARE,
    Graph,
    GraphName,
    graph_of,
    layers_of,
    log_likelihood,
    log_of,
    maximum,
    squared_error,
)

Numbers = Mapping[str, Any]


def _likelihood(y: Any) -> Any:
    return 1.0 * tf.math.log(y) + 0.0 * tf.math.log(1 - y)


def _hidden(v: Numbers) -> Any:
    weights = tf.stack([[v["α11"], v["α12"]], [v["α21"], v["α22"]]])
    hidden = tf.sigmoid(tf.linalg.matvec(weights, tf.stack([v["x1"], v["x2"]])))
    return tf.sigmoid(tf.tensordot(tf.stack([v["β1"], v["β2"]]), hidden, 1))


def _convolved(v: Numbers) -> Any:
    x = tf.stack([v[f"x{i}"] for i in range(1, 5)])
    k = tf.stack([v["k1"], v["k2"]])
    y = tf.nn.conv1d(x[tf.newaxis, :, tf.newaxis], k[:, tf.newaxis, tf.newaxis], 1, "VALID")
    return tf.reduce_sum((y - 1) ** 2) / 2


def _max_pooled(v: Numbers) -> Any:
    x = tf.stack([v[f"x{i}"] for i in range(1, 8)])
    y = tf.nn.max_pool1d(x[tf.newaxis, :, tf.newaxis], 3, 2, "VALID")
    return tf.reduce_sum((y - 1) ** 2) / 2


WITH_TENSORFLOW: Mapping[str, Callable[[Numbers], Any]] = {
    "cosine": lambda v: tf.cos(tf.sin(v["x"] ** 2) + 3 * v["x"] ** 2),
    "logistic": lambda v: _likelihood(tf.sigmoid(sum(v[f"θ{i}"] * v[f"x{i}"] for i in (1, 2, 3)))),
    "two-layer": lambda v: _likelihood(_hidden(v)),
    "two-layer-squared": lambda v: (_hidden(v) - 1) ** 2 / 2,
    "softmax": lambda v: tf.nn.log_softmax(tf.stack([v["b1"], v["b2"], v["b3"]]))[1],
    "convolution": _convolved,
    "max-pool": _max_pooled,
}


@pytest.mark.parametrize("name", get_args(GraphName))
def test_every_graph_is_as_gradient_tape_has_it(name: GraphName) -> None:
    graph = graph_of(name)
    given = {
        node.name: tf.Variable(node.value, dtype=tf.float64)
        for node in graph.nodes
        if node.operation is None
    }
    with tf.GradientTape() as tape:
        value = WITH_TENSORFLOW[name]({n: tf.convert_to_tensor(v) for n, v in given.items()})
    slopes = tape.gradient(value, given)
    assert graph.nodes[-1].value == pytest.approx(float(value))
    for label, slope in slopes.items():
        assert graph.node(label).derivative == pytest.approx(float(slope), abs=1e-9), label


@pytest.mark.parametrize("name", get_args(GraphName))
def test_every_derivative_is_that_of_a_difference(name: GraphName) -> None:
    """Also of nodes in the middle: their values are moved, and what follows computed anew."""
    graph = graph_of(name)
    for moved in graph.nodes:
        ends = []
        for step in (-1e-6, 1e-6):
            values: dict[str, float] = {}
            for node in graph.nodes:
                values[node.name] = (
                    node.value
                    if node.operation is None
                    else node.operation.value(*(values[source.name] for source in node.inputs))
                )
                values[node.name] += step if node is moved else 0
            ends.append(values["J"])
        assert moved.derivative == pytest.approx((ends[1] - ends[0]) / 2e-6, abs=1e-6), moved.name


def test_cosine_at_2() -> None:
    graph = graph_of("cosine")
    u = math.sin(4) + 12
    assert {node.name: node.value for node in graph.nodes} == pytest.approx(
        {"x": 2, "t": 4, "u1": math.sin(4), "u2": 12, "u": u, "J": math.cos(u)}
    )
    assert {node.name: node.derivative for node in graph.nodes} == pytest.approx(
        {
            "J": 1,
            "u": -math.sin(u),
            "u1": -math.sin(u),
            "u2": -math.sin(u),
            "t": -math.sin(u) * (math.cos(4) + 3),
            "x": -math.sin(u) * (math.cos(4) + 3) * 4,
        }
    )
    assert graph.node("u").partials == (1, 1)
    assert graph.node("u1").partials == pytest.approx((math.cos(4),))
    assert graph.node("u2").partials == (3,)


def test_logistic_regression() -> None:
    graph = graph_of("logistic")
    error = 1 - graph.node("y").value  # y* - y
    assert graph.node("a").derivative == pytest.approx(error)
    for i in (1, 2, 3):
        x = graph.node(f"x{i}").value
        assert graph.node(f"θ{i}").derivative == pytest.approx(error * x)


@pytest.mark.parametrize("name", ["two-layer", "two-layer-squared"])
def test_two_layers(name: GraphName) -> None:
    graph = graph_of(name)
    y = graph.node("y").value
    at_b = 1 - y if name == "two-layer" else (y - 1) * y * (1 - y)
    assert graph.node("b").derivative == pytest.approx(at_b)
    for j in (1, 2):
        z, beta = graph.node(f"z{j}").value, graph.node(f"β{j}").value
        assert graph.node(f"β{j}").derivative == pytest.approx(at_b * z)
        at_a = at_b * beta * z * (1 - z)
        for i in (1, 2):
            x = graph.node(f"x{i}").value
            assert graph.node(f"α{j}{i}").derivative == pytest.approx(at_a * x)


def test_softmax_and_cross_entropy() -> None:
    graph = graph_of("softmax")
    for k, label in ((1, 0), (2, 1), (3, 0)):
        y = graph.node(f"y{k}").value
        assert graph.node(f"b{k}").derivative == pytest.approx(label - y)
    assert sum(graph.node(f"y{k}").value for k in (1, 2, 3)) == pytest.approx(1)


def test_a_kernel_gathers_over_all_places() -> None:
    graph = graph_of("convolution")
    x = np.array([graph.node(f"x{i}").value for i in range(1, 5)])
    back = np.array([graph.node(f"y{i}").derivative for i in (1, 2, 3)])
    kernel = np.array([graph.node("k1").value, graph.node("k2").value])
    assert graph.node("k1").derivative == pytest.approx(back @ x[:3])
    assert graph.node("k2").derivative == pytest.approx(back @ x[1:])
    at_x = np.convolve(back, kernel)  # backwards the kernel is flipped
    assert [graph.node(f"x{i}").derivative for i in range(1, 5)] == pytest.approx(at_x)


def test_only_the_largest_of_a_window_hears_of_it() -> None:
    graph = graph_of("max-pool")
    slopes = {f"x{i}": graph.node(f"x{i}").derivative for i in range(1, 8)}
    assert {name for name, slope in slopes.items() if slope} == {"x3", "x6"}
    both = graph.node("y1").derivative + graph.node("y2").derivative  # x3 wins twice
    assert slopes["x3"] == both


@pytest.mark.parametrize(
    ("operation", "at"),
    [
        (COSINE, (0.3,)),
        (SQUARE, (-2.0,)),
        (SIGMOID, (0.7,)),
        (QUOTIENT, (2.0, -3.0)),
        (log_likelihood(0.0), (0.3,)),
        (log_likelihood(0.25), (0.6,)),
        (squared_error(0.2), (0.9,)),
        (log_of([0.2, 0.8]), (0.4, 0.6)),
        (maximum(3), (1.0, 3.0, 2.0)),
    ],
)
def test_partial_derivatives(operation, at: tuple[float, ...]) -> None:
    for index, partial in enumerate(operation.partials(*at)):
        ends = [
            operation.value(*(x + step * (i == index) for i, x in enumerate(at)))
            for step in (-1e-6, 1e-6)
        ]
        assert partial == pytest.approx((ends[1] - ends[0]) / 2e-6, abs=1e-6)
    assert len(operation.partial_texts) == len(at)


def test_the_table_of_the_slide() -> None:
    table = graph_of("cosine").table()
    assert [forward.partition(" = ")[0] for forward, _ in table] == [
        "J", "u", "", "u2", "u1", "t",
    ]  # fmt: skip
    assert table[0] == ("J = cos(u) = 0.2451", "dJ/du += -sin(u) = 0.9695")
    assert table[-2] == (
        "u1 = sin(t) = -0.7568",
        "dJ/dt += dJ/du1 du1/dt = -0.6337, du1/dt = cos(t)",
    )
    assert not any("-0," in backward for name in get_args(GraphName)
                   for _, backward in graph_of(name).table())  # fmt: skip


@pytest.mark.parametrize("name", get_args(GraphName))
def test_layers_follow_each_other(name: GraphName) -> None:
    layers = layers_of(graph_of(name))
    depth = {node.name: number for number, layer in enumerate(layers) for node in layer}
    assert len(depth) == len(graph_of(name).nodes)
    for layer in layers:
        for node in layer:
            assert all(depth[source.name] < depth[node.name] for source in node.inputs)
    assert [node.name for node in layers[-1]] == ["J"]


def test_a_second_backward_pass_changes_nothing() -> None:
    graph = Graph("square")
    (x,) = graph.given({"x": 3})
    graph.apply("J", SQUARE, x)
    assert graph.backward().backward().node("x").derivative == 6
