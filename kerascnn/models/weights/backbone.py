"""Weights of keras.applications for its own networks, read by Keras."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from kerascnn.backend import keras
from kerascnn.errors import UserError
from kerascnn.models.backbones import name_layers

if TYPE_CHECKING:
    import numpy as np

_STD = (0.229, 0.224, 0.225)


def read_backbone(name: str, path: Path, *, whole: bool) -> dict[str, list[np.ndarray]]:
    """Reads a file of weights for a network of keras.applications.

    Args:
        name: Of the network there.
        path: Of the file.
        whole: Whether the file has the layers after the pooling of the last maps.

    Returns:
        The weights by the name of their layer, as `name_layers` gives it.

    Raises:
        UserError: If the file is damaged, or of another network.
    """
    try:
        theirs = getattr(keras.applications, name)(weights=str(path), include_top=whole)
    except Exception as error:  # Keras raises whatever the damage leads to
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise UserError(f"{path}: damaged, or not of {name} ({reason})") from None
    name_layers(theirs)
    layers = {layer.name: layer.get_weights() for layer in theirs.layers if layer.weights}
    if name.startswith("EfficientNetB"):
        import numpy as np

        # With its weights, Keras divides by the root of the deviation once more after this layer.
        mean, variance, *count = layers["normalization"]
        layers["normalization"] = [mean, variance * np.asarray(_STD, "float32"), *count]
    return layers
