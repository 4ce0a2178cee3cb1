"""Activation functions and derivatives against what is known of them."""

from __future__ import annotations

from typing import get_args

import numpy as np
import pytest
from scipy.special import erf, expit

from kerascnn.lectures.activations import FORMULAS, curve
from kerascnn.models.registry import Activation

X = np.linspace(-4, 4, 80)  # no kink among them


def test_every_activation_of_the_networks_is_here() -> None:
    assert set(get_args(Activation)) - {"linear"} <= set(FORMULAS)


@pytest.mark.parametrize("name", FORMULAS)
def test_derivatives_are_those_of_differences(name: str) -> None:
    step = 1e-5
    slopes = (curve(name, X + step).values - curve(name, X - step).values) / (2 * step)
    assert curve(name, X).derivatives == pytest.approx(slopes, abs=1e-6)


ELU = np.where(X > 0, X, np.exp(X) - 1)
KNOWN = {
    "sigmoid": expit(X),
    "tanh": np.tanh(X),
    "scaled_tanh": 1.7159 * np.tanh(2 * X / 3),
    "relu": np.maximum(X, 0),
    "leaky_relu": np.where(X > 0, X, 0.2 * X),
    "prelu": np.where(X > 0, X, 0.25 * X),
    "elu": ELU,
    "selu": 1.0507009873554805 * np.where(X > 0, X, 1.6732632423543772 * ELU),
    "gelu": X * (1 + erf(X / np.sqrt(2))) / 2,
    "silu": X * expit(X),
    "shrinkage": np.sign(X) * np.maximum(np.abs(X) - 0.5, 0),
    "maxout": np.maximum(X + 0.5, -0.5 * X),
}


@pytest.mark.parametrize("name", FORMULAS)
def test_values(name: str) -> None:
    # Keras's GELU is the tanh approximation unless it is told otherwise.
    assert curve(name, X).values == pytest.approx(KNOWN[name], abs=1e-3 if name == "gelu" else 1e-6)


def test_closed_forms_of_derivatives() -> None:
    assert curve("sigmoid", X).derivatives == pytest.approx(expit(X) * (1 - expit(X)))
    assert curve("tanh", X).derivatives == pytest.approx(1 - np.tanh(X) ** 2)
    assert curve("sigmoid", np.zeros(1)).derivatives == pytest.approx(0.25)
    assert curve("scaled_tanh", np.array([1.0, -1.0])).values == pytest.approx([1, -1], abs=1e-3)
