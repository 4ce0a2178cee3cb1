"""What several families build with: convolutions and pooling that say so when they do not fit."""

from __future__ import annotations

from typing import Any, Literal

from kerascnn.backend import keras
from kerascnn.errors import UserError


class DoesNotFitError(UserError):
    """A layer would get a feature map smaller than its window."""

    def __init__(self, layer: str, size: tuple[int, int], window: tuple[int, int]):
        self.layer = layer
        self.size = size
        super().__init__(
            f"{layer} would get a {size[0]}x{size[1]} map, "
            f"smaller than its {window[0]}x{window[1]} window"
        )


def check_fits(x: keras.KerasTensor, window: int | tuple[int, int], name: str) -> None:
    """Raises unless a window without padding fits into the feature map.

    Args:
        x: Feature maps (B, H, W, C).
        window: Kernel or pool size in cells.
        name: Of the layer, for the message.

    Raises:
        DoesNotFitError: If the map is smaller than the window.
    """
    size = (x.shape[1], x.shape[2])
    window = (window, window) if isinstance(window, int) else window
    if size[0] < window[0] or size[1] < window[1]:
        raise DoesNotFitError(name, size, window)


def conv(
    x: keras.KerasTensor,
    filters: int,
    kernel: int,
    *,
    name: str,
    strides: int = 1,
    padding: Literal["valid", "same"] = "same",
    **arguments: Any,
) -> keras.KerasTensor:
    """A `Conv2D` that names itself when the feature map is too small for it."""
    if padding == "valid":
        check_fits(x, kernel, name)
    return keras.layers.Conv2D(
        filters, kernel, strides=strides, padding=padding, name=name, **arguments
    )(x)


def pool(
    x: keras.KerasTensor,
    size: int = 2,
    *,
    name: str,
    strides: int | None = None,
    kind: Literal["max", "average"] = "max",
) -> keras.KerasTensor:
    """Max or average pooling without padding, which names itself when it does not fit."""
    check_fits(x, size, name)
    layer = keras.layers.MaxPooling2D if kind == "max" else keras.layers.AveragePooling2D
    return layer(size, strides=strides, name=name)(x)
