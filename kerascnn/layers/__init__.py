"""Layers that Keras 3 lacks; importing this package costs nothing until one is named."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from kerascnn.layers.normalization import LRN
    from kerascnn.layers.padding import PadChannels
    from kerascnn.layers.pooling import (
        SPP,
        CeilAveragePooling2D,
        CeilMaxPooling2D,
    )

_MODULES = {
    "LRN": "normalization",
    "PadChannels": "padding",
    "SPP": "pooling",
    "CeilAveragePooling2D": "pooling",
    "CeilMaxPooling2D": "pooling",
}

__all__ = ["LRN", "SPP", "CeilAveragePooling2D", "CeilMaxPooling2D", "PadChannels"]


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module 'kerascnn.layers' has no attribute '{name}'")
    return getattr(importlib.import_module(f"kerascnn.layers.{_MODULES[name]}"), name)
