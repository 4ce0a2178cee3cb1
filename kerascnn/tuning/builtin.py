"""The space that a network is searched in where the user names none."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from kerascnn.models.spec import ModelSpec
from kerascnn.tuning.space import SpaceSpec

_TRAINING: dict[str, Any] = {
    "optimizer.learning_rate": {"float": [3e-4, 1e-2], "log": True},
    "training.batch_size": {"choice": [32, 64, 128]},
    "augment.preset": {"choice": ["none", "light", "medium", "strong"]},
}

_CONVNET: dict[str, Any] = {
    "model.stages": {"int": [1, 4]},
    "model.convolutions": {"int": [1, 3]},
    "model.filters": {"int": [16, 64], "step": 2, "log": True},
    "model.growth": {"choice": [1.0, 1.5, 2.0]},
    "model.kernel": {"choice": [3, 5]},
    "model.pooling": {"choice": ["max", "average"]},
    "model.batch_norm": {"choice": [False, True]},
    "model.dropout": {"float": [0.0, 0.3], "step": 0.1},
    "model.dense": {"choice": [[], [64], [128], [256]]},
    "model.dense_dropout": {
        "float": [0.0, 0.6],
        "step": 0.1,
        "when": {"model.dense": [[64], [128], [256]]},
    },
    "model.l2": {"float": [1e-6, 1e-3], "log": True},
}


def _scaled(widths: Any, factor: float) -> Any:
    """Returns a number, or each number of a list, times a factor; at least 1."""
    if isinstance(widths, int):
        return max(1, round(widths * factor))
    return [_scaled(width, factor) for width in widths]


def _sizes(default: Any, *factors: float) -> dict[str, Any] | None:
    """Returns a choice of smaller and larger sizes; None where there is nothing to scale."""
    sizes: list[Any] = []
    for factor in factors:
        size = _scaled(default, factor)
        if size not in sizes:
            sizes.append(size)
    return {"choice": sizes} if len(sizes) > 1 else None


def _options(defaults: Mapping[str, Any]) -> dict[str, Any]:
    """Returns ranges for those of a network's options that mean width, depth or dropout."""
    ranges: dict[str, Any] = {}
    for name, default in defaults.items():
        if name in ("filters", "hidden"):
            ranges[name] = _sizes(default, 0.5, 1, 2)
        elif name in ("dense", "n", "blocks", "convolutions"):
            ranges[name] = _sizes(default, 0.5, 1)
        elif name == "dropout" and isinstance(default, float):
            ranges[name] = {"float": [0.0, 0.6], "step": 0.1}
        elif name == "batch_norm":
            ranges[name] = {"choice": [False, True]}
        elif name == "activation":
            ranges[name] = {"choice": ["relu", "tanh", "gelu"]}
        elif name == "pooling" and default in ("max", "average"):
            ranges[name] = {"choice": ["max", "average"]}
    return {f"model.{name}": range_ for name, range_ in ranges.items() if range_}


def builtin_space(model_name: str) -> SpaceSpec:
    """Returns the space of a network: its depth, width and dropout, and how it is trained.

    Raises:
        UserError: If there is no network of that name.
    """
    if model_name == "convnet":
        return SpaceSpec(ranges={**_CONVNET, **_TRAINING})
    model = ModelSpec(name=model_name).resolved()
    options = _options(model.model_dump(mode="json", exclude={"name"}))
    optimizer = {"optimizer.name": {"choice": ["sgd", "adam", "adamw"]}}
    wide = {"optimizer.learning_rate": {"float": [3e-4, 1e-1], "log": True}}
    return SpaceSpec(ranges={**options, **optimizer, **_TRAINING, **wide})
