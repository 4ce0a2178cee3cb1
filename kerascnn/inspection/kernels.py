"""The kernels of a network, and what they respond to: colour, and one direction."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from kerascnn.backend import keras
from kerascnn.errors import UserError, unknown
from kerascnn.inspection.layers import only_reader


def layers_with_kernels(model: keras.Model) -> list[str]:
    """Returns the names of the layers that have a kernel, from the input on."""
    return [layer.name for layer in model.layers if _kernel(layer) is not None]


def _kernel(layer: Any) -> Any:
    """Returns a layer's weights (kh, kw, in, out) or (in, out); None where it has no such."""
    for weight in layer.weights:
        if weight.name.endswith("kernel") and len(weight.shape) in (2, 4):
            return weight
    return None


def kernels_of(model: keras.Model, name: str | None = None) -> tuple[str, np.ndarray]:
    """Returns the kernels of a layer.

    Args:
        model: Functional, from images (B, H, W, C) to logits.
        name: Of the layer; the first one that has kernels, if None.

    Returns:
        The layer's name, and float32 (height, width, channels, filters); those of a fully connected
        layer that looks at all pixels are (H, W, C, units), of another one (1, 1, inputs, units).

    Raises:
        UserError: If there is no such layer, or it has no kernels.
    """
    known = layers_with_kernels(model)
    if name is None:
        if not known:
            raise UserError(f"{model.name} has no kernels")
        name = known[0]
    if name not in known:
        if name in [layer.name for layer in model.layers]:
            raise UserError(f"layer '{name}' has no kernels: known: {', '.join(known)}")
        raise unknown("layer", name, known, hint="'kerascnn summary' lists them")
    layer = model.get_layer(name)
    found = np.asarray(_kernel(layer), np.float32)
    if found.ndim == 2:
        image = tuple(model.input_shape[1:])
        looks_at_pixels = name == known[0] and found.shape[0] == math.prod(image)
        found = found.reshape(*(image if looks_at_pixels else (1, 1, found.shape[0])), -1)
    elif type(layer).__name__ == "DepthwiseConv2D":  # (kh, kw, channels, multiplier)
        found = found.reshape(*found.shape[:2], 1, -1)
    return name, found


def groups_behind(model: keras.Model, name: str) -> int:
    """Returns into how many groups the filters of a layer are split by the next convolution.

    AlexNet's first layer was computed on two GPUs, each with the 48 filters that its half of the
    second layer reads (Krizhevsky et al. 2012, section 3.5).
    """
    layer = model.get_layer(name)
    while (layer := only_reader(layer)) is not None:
        if hasattr(layer, "groups") and hasattr(layer, "kernel_size"):
            return int(layer.groups)
        if _kernel(layer) is not None:
            break
    return 1


def colour_share(kernels: np.ndarray) -> np.ndarray:
    """Returns how much of each filter is colour: 0 for a grey one, 1 for one without luminance.

    The share of its squared weights that is not along grey, (1, 1, 1).

    Args:
        kernels: float (H, W, 3, N).

    Returns:
        float (N,) in 0..1.
    """
    whole = (kernels**2).sum(axis=(0, 1, 2))
    grey = 3 * (kernels.mean(axis=2) ** 2).sum(axis=(0, 1))
    share: np.ndarray = np.clip(
        np.divide(whole - grey, whole, out=np.zeros_like(whole), where=whole > 0), 0, 1
    )
    return share


def orientation_selectivity(kernels: np.ndarray) -> np.ndarray:
    """Returns how much each filter prefers one direction: 0 for none, 1 for a grating.

    The coherence of the structure tensor, (l1 - l2) / (l1 + l2) with its eigenvalues, of the
    filter summed over its channels; taken in the Fourier domain, where a constant counts nothing.

    Args:
        kernels: float (H, W, C, N).

    Returns:
        float (N,) in 0..1.
    """
    height, width = (4 * side for side in kernels.shape[:2])
    power = np.abs(np.fft.fft2(kernels.sum(axis=2), s=(height, width), axes=(0, 1))) ** 2
    y = 2 * np.pi * np.fft.fftfreq(height)[:, None, None]
    x = 2 * np.pi * np.fft.fftfreq(width)[None, :, None]
    # Differences between neighbours, as a convolution has them: sin of the frequency.
    yy, xx, xy = (
        (power * factor).sum(axis=(0, 1))
        for factor in (np.sin(y) ** 2, np.sin(x) ** 2, np.sin(y) * np.sin(x))
    )
    apart, whole = np.sqrt((xx - yy) ** 2 + 4 * xy**2), xx + yy
    found: np.ndarray = np.divide(apart, whole, out=np.zeros_like(whole), where=whole > 1e-12)
    return found
