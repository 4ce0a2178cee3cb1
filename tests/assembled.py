"""What tests train: a recipe's data and network, put together."""

from __future__ import annotations

from kerascnn.backend import keras
from kerascnn.data.dataset import ImageData
from kerascnn.recipe import Recipe
from kerascnn.training.session import assemble


def prepare(recipe: Recipe) -> tuple[ImageData, keras.Model]:
    """Returns the data and the network, ready for `fit`."""
    session = assemble(recipe)
    return session.data, session.model
