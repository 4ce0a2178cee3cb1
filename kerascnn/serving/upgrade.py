"""Saved models of older formats, as this version builds them.

In format 1, of kerascnn 0.1, networks were saved with fast layers of ours where Keras has its own:
each becomes Keras's layer, with the weights it has.
"""

from __future__ import annotations

from typing import Any

from kerascnn.backend import keras


class PadChannels(keras.layers.ZeroPadding2D):
    """Zeros after the maps that there are, up to a number of them."""

    def __init__(self, channels: int, **arguments: Any):
        super().__init__(0, data_format="channels_first", **arguments)
        self._channels = channels

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Counts the maps that are missing."""
        assert input_shape[-1] is not None
        self.padding = ((0, 0), (0, self._channels - input_shape[-1]))


def _layer(name: str, plain: type[keras.Layer]) -> type[keras.Layer]:
    """Returns a layer of an old name, by which Keras finds its weights in the file."""
    return type(name, (plain,), {})


_LAYERS: dict[str, type[keras.Layer]] = {
    "FusedBatchNormalization": _layer("FusedBatchNormalization", keras.layers.BatchNormalization),
    "SmallMapConv2D": _layer("SmallMapConv2D", keras.layers.Conv2D),
    "GroupedConv2D": _layer("GroupedConv2D", keras.layers.Conv2D),
    "PadChannels": PadChannels,
}
_FUNCTIONS = {"relu": keras.activations.relu, "gelu": keras.activations.gelu}

# For `custom_objects`.
OLD_NAMES: dict[str, Any] = {
    f"kerascnn>{name}": value for name, value in (_LAYERS | _FUNCTIONS).items()
}


def upgrade(model: keras.Model) -> keras.Model:
    """Gives Keras's own classes to the layers of an old file.

    Args:
        model: As loaded with `OLD_NAMES`; changed in place.

    Returns:
        The same model.
    """
    for layer in model.layers:
        if type(layer) in _LAYERS.values():
            layer.__class__ = type(layer).__base__
    return model
