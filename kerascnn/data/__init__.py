"""Images from files, TFDS or scikit-learn, as named splits and as endless training batches."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from kerascnn.data.dataset import ImageData, Split
    from kerascnn.data.loading import load
    from kerascnn.data.pipeline import evaluation_batches, training_batches

_PUBLIC = {
    "ImageData": "kerascnn.data.dataset",
    "Split": "kerascnn.data.dataset",
    "load": "kerascnn.data.loading",
    "training_batches": "kerascnn.data.pipeline",
    "evaluation_batches": "kerascnn.data.pipeline",
}

__all__ = ["ImageData", "Split", "evaluation_batches", "load", "training_batches"]


def __getattr__(name: str) -> Any:
    if name not in _PUBLIC:
        raise AttributeError(f"module 'kerascnn.data' has no attribute '{name}'")
    return getattr(importlib.import_module(_PUBLIC[name]), name)
