"""Layers that Keras 3 lacks; importing this package costs nothing until one is named."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from kerascnn.layers.activations import Shrinkage, scaled_tanh
    from kerascnn.layers.lenet import RBF, SparseConv2D, Subsampling2D
    from kerascnn.layers.locally_connected import LocallyConnected2D
    from kerascnn.layers.maxout import Maxout, UnscaledDropout, UntiedBias
    from kerascnn.layers.normalization import LCN, LRN
    from kerascnn.layers.pooling import (
        SPP,
        CeilAveragePooling2D,
        CeilMaxPooling2D,
        LpPooling2D,
        StochasticPooling2D,
    )
    from kerascnn.layers.stochastic_depth import StochasticDepth
    from kerascnn.layers.whitening import PartialIdentity, Whitening

_MODULES = {
    "Shrinkage": "activations",
    "scaled_tanh": "activations",
    "RBF": "lenet",
    "SparseConv2D": "lenet",
    "Subsampling2D": "lenet",
    "LocallyConnected2D": "locally_connected",
    "Maxout": "maxout",
    "UnscaledDropout": "maxout",
    "UntiedBias": "maxout",
    "LCN": "normalization",
    "LRN": "normalization",
    "CeilAveragePooling2D": "pooling",
    "CeilMaxPooling2D": "pooling",
    "LpPooling2D": "pooling",
    "SPP": "pooling",
    "StochasticPooling2D": "pooling",
    "PartialIdentity": "whitening",
    "Whitening": "whitening",
    "StochasticDepth": "stochastic_depth",
}

__all__ = [
    "LCN",
    "LRN",
    "RBF",
    "SPP",
    "CeilAveragePooling2D",
    "CeilMaxPooling2D",
    "LocallyConnected2D",
    "LpPooling2D",
    "Maxout",
    "PartialIdentity",
    "Shrinkage",
    "SparseConv2D",
    "StochasticDepth",
    "StochasticPooling2D",
    "Subsampling2D",
    "UnscaledDropout",
    "UntiedBias",
    "Whitening",
    "scaled_tanh",
]


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module 'kerascnn.layers' has no attribute '{name}'")
    return getattr(importlib.import_module(f"kerascnn.layers.{_MODULES[name]}"), name)


def register() -> None:
    """Makes every layer known to Keras, which must come before it loads a saved model."""
    for module in sorted({f"kerascnn.layers.{name}" for name in _MODULES.values()}):
        importlib.import_module(module)
