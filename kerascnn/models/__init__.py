"""The networks, one file per family; importing this package registers them all."""

import importlib
import pkgutil

from kerascnn.models.build import build_model

# Every file here: a new family needs no line elsewhere.
for _module in pkgutil.iter_modules(__path__):
    importlib.import_module(f"{__name__}.{_module.name}")

__all__ = ["build_model"]
