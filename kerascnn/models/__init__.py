"""The networks, one file per family; importing this package registers them all."""

from kerascnn.models import convnet, lenet, mlp
from kerascnn.models.build import build_model

__all__ = ["build_model", "convnet", "lenet", "mlp"]
