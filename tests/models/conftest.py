"""Fixtures for the networks."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest

from kerascnn.models.build import build_model
from kerascnn.models.registry import model_entry


@pytest.fixture(scope="session")
def published() -> Callable[..., Any]:
    """Builds a network for its shapes alone, at the paper's own input size and classes."""

    def build(name: str, **options: Any) -> Any:
        entry = model_entry(name)
        return build_model(
            name,
            input_shape=entry.input_shape,
            classes=options.pop("classes", entry.classes),
            abstract=True,
            **options,
        )

    return build


@pytest.fixture(scope="session")
def trainable() -> Callable[[Any], int]:
    """Counts a model's trainable numbers."""
    return lambda model: sum(math.prod(weight.shape) for weight in model.trainable_weights)


@pytest.fixture(scope="session")
def stages() -> Callable[[Any, dict[str, tuple[int, ...]]], dict[str, tuple[int, ...]]]:
    """Takes layers' names from a dict and returns their output shapes without the batch."""
    return lambda model, names: {
        name: tuple(model.get_layer(name).output.shape[1:]) for name in names
    }
