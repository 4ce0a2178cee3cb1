"""Which of Keras's layers has a fast equivalent, where it helps, and the two ways between them.

A network is built of Keras's layers and saved as such; in between it may be quick. A fast layer is
a subclass with the same weights, so that a built layer becomes the other by its class alone: the
model, its variables and what refers to them stay.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from kerascnn.backend import keras
from kerascnn.hardware import processor_has_bfloat16_units
from kerascnn.kernels.activations import CompiledActivation
from kerascnn.kernels.batch_normalization import FusedBatchNormalization
from kerascnn.kernels.grouped import GroupedConv2D
from kerascnn.kernels.product_gradient import ProductGradientConv2D, has_small_maps, is_wide
from kerascnn.kernels.small_maps import SmallMapConv2D


@dataclass(frozen=True)
class Kernel:
    """A layer of Keras and its fast equivalent.

    Attributes:
        plain: Keras's own.
        fast: A subclass of it.
        helps: Whether a layer gains on a device ("cpu", "gpu:0").
    """

    plain: type[keras.Layer]
    fast: type[keras.Layer]
    helps: Callable[[Any, str], bool]


KERNELS = (
    Kernel(keras.layers.BatchNormalization, FusedBatchNormalization, lambda layer, device: True),
    Kernel(
        keras.layers.Conv2D,
        GroupedConv2D,
        lambda layer, device: layer.groups > 1 and layer.data_format == "channels_last",
    ),
    Kernel(
        keras.layers.Conv2D,
        SmallMapConv2D,
        lambda layer, device: (
            device == "cpu"
            and processor_has_bfloat16_units()
            and layer.compute_dtype == "bfloat16"
            and layer.data_format == "channels_last"
        ),
    ),
    Kernel(
        keras.layers.Conv2D,
        ProductGradientConv2D,
        lambda layer, device: device == "cpu" and has_small_maps(layer),
    ),
    Kernel(
        keras.layers.Activation,
        CompiledActivation,
        lambda layer, device: (
            device == "cpu" and layer.activation in (keras.activations.relu, keras.activations.gelu)
        ),
    ),
)

# Faster on some processors, slower on others: only where a network was measured to gain.
PRODUCTS = Kernel(
    keras.layers.Conv2D,
    ProductGradientConv2D,
    lambda layer, device: device == "cpu" and is_wide(layer),
)


def quicken(model: keras.Model, device: str, *, products: bool = False) -> keras.Model:
    """Gives a model the fast equivalents of its layers.

    Args:
        model: Built; changed in place. What it was compiled to before is of the old layers.
        device: What it computes on: "cpu", or "gpu:0" and so on.
        products: Whether the gradients of wide convolutions' kernels are matrix products.

    Returns:
        The same model.
    """
    if keras.backend.backend() != "tensorflow":
        return model
    for layer in model.layers:
        for kernel in (*KERNELS, PRODUCTS) if products else KERNELS:
            if type(layer) is kernel.plain and kernel.helps(layer, device):
                layer.__class__ = kernel.fast
                break
    return model


def plain(model: keras.Model) -> keras.Model:
    """Gives a model Keras's own layers back.

    Args:
        model: Changed in place. What it was compiled to before is of the old layers.

    Returns:
        The same model.
    """
    for layer in model.layers:
        for kernel in (*KERNELS, PRODUCTS):
            if type(layer) is kernel.fast:
                layer.__class__ = kernel.plain
    return model
