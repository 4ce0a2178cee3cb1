"""kerascnn: from images to a trained, tracked, understood convolutional network.

Importing this package is cheap: TensorFlow and MLflow are imported when a function needs them.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from kerascnn.version import __version__

if TYPE_CHECKING:
    from kerascnn.experiment import evaluate, resume, train
    from kerascnn.models.build import build_model
    from kerascnn.recipe import load_recipe
    from kerascnn.tracking import load_run


_PUBLIC = {
    "build_model": "kerascnn.models.build",
    "evaluate": "kerascnn.experiment",
    "load_recipe": "kerascnn.recipe",
    "load_run": "kerascnn.tracking",
    "resume": "kerascnn.experiment",
    "train": "kerascnn.experiment",
}

__all__ = ["__version__", "build_model", "evaluate", "load_recipe", "load_run", "resume", "train"]


def __getattr__(name: str) -> Any:
    if name not in _PUBLIC:
        raise AttributeError(f"module 'kerascnn' has no attribute '{name}'")
    return getattr(importlib.import_module(_PUBLIC[name]), name)
