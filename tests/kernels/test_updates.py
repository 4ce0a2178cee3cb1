from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from kerascnn.backend import keras, tf
from kerascnn.kernels.updates import FusedAdam, FusedSGD

KINDS: dict[str, tuple[Any, Any, dict[str, Any]]] = {
    "sgd": (FusedSGD, keras.optimizers.SGD, {"momentum": 0.0}),
    "momentum": (FusedSGD, keras.optimizers.SGD, {"momentum": 0.9}),
    "nesterov": (FusedSGD, keras.optimizers.SGD, {"momentum": 0.9, "nesterov": True}),
    "adam": (FusedAdam, keras.optimizers.Adam, {}),
    "amsgrad": (FusedAdam, keras.optimizers.Adam, {"amsgrad": True}),
    "clipped": (FusedAdam, keras.optimizers.Adam, {"global_clipnorm": 0.5}),
    "accumulated": (FusedSGD, keras.optimizers.SGD, {"gradient_accumulation_steps": 2}),
}


def _trained(kind: Any, arguments: dict[str, Any]) -> list[np.ndarray]:
    """Returns two weights and the optimizer's variables after ten steps of a falling rate."""
    draws = np.random.default_rng(0)
    shapes = ((3, 4), (4,))
    weights = [keras.Variable(draws.normal(size=shape), dtype="float32") for shape in shapes]
    rate = keras.optimizers.schedules.CosineDecay(0.1, 20)
    optimizer = kind(learning_rate=rate, **arguments)
    optimizer.build(weights)
    step = tf.function(lambda *gradients: optimizer.apply(gradients))
    for _ in range(10):
        step(*(tf.constant(draws.normal(size=shape), "float32") for shape in shapes))
    return [np.asarray(variable) for variable in (*weights, *optimizer.variables)]


@pytest.mark.parametrize("name", KINDS)
def test_the_steps_are_keras_own(name: str) -> None:
    fused, plain, arguments = KINDS[name]
    found, expected = _trained(fused, arguments), _trained(plain, arguments)
    for ours, theirs in zip(found, expected, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-5)


def test_adam_is_the_papers() -> None:
    """In float64: Kingma and Ba, algorithm 1, in the order of the last lines of section 2."""
    draws = np.random.default_rng(0)
    start, gradients = draws.normal(size=5), draws.normal(size=(10, 5))
    weight = keras.Variable(start, dtype="float64")
    optimizer = FusedAdam(learning_rate=0.125, epsilon=2**-20)
    optimizer.build([weight])
    m, v, expected = np.zeros(5), np.zeros(5), start.copy()
    for step, gradient in enumerate(gradients, 1):
        optimizer.apply([tf.constant(gradient)])
        m = 0.9 * m + 0.1 * gradient
        v = 0.999 * v + 0.001 * gradient**2
        rate = 0.125 * np.sqrt(1 - 0.999**step) / (1 - 0.9**step)
        expected -= rate * m / (np.sqrt(v) + 2**-20)
    np.testing.assert_allclose(np.asarray(weight), expected, rtol=1e-12)


@pytest.mark.parametrize("name", ["nesterov", "adam"])
def test_a_step_is_one_operation_on_each_weight(name: str) -> None:
    kind, _, arguments = KINDS[name]
    weight = keras.Variable(np.ones((3, 3)))
    optimizer = kind(**arguments)
    optimizer.build([weight])
    step = tf.function(lambda gradient: optimizer.apply([gradient]))
    graph = step.get_concrete_function(tf.TensorSpec((3, 3))).graph
    names = [operation.type for operation in graph.get_operations()]
    assert sum(name.startswith("ResourceApply") for name in names) == 1
    assert [name for name in names if name.startswith("Assign")] == ["AssignVariableOp"], "steps"


@pytest.mark.parametrize("momentum", [0.0, 0.9])
def test_a_gradient_may_be_of_some_rows(momentum: float) -> None:
    weight = keras.Variable(np.ones((3, 2)))
    optimizer = FusedSGD(learning_rate=0.5, momentum=momentum)
    optimizer.build([weight])
    optimizer.apply([tf.IndexedSlices(tf.ones((1, 2)), tf.constant([1]), tf.constant([3, 2]))])
    np.testing.assert_allclose(np.asarray(weight)[:, 0], [1, 0.5, 1])
