"""Residual blocks and their shortcuts, shared by the ImageNet and the CIFAR networks.

He, Zhang, Ren, Sun 2015, Deep Residual Learning for Image Recognition, sections 3.3 and 4.1.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

from kerascnn import layers
from kerascnn.backend import keras
from kerascnn.errors import UserError
from kerascnn.models.blocks import activate, conv_bn, he_gaussian

# A: no parameters, zeros for new maps. B: a projection where the shape changes. C: a projection
# around every block. none: no shortcut at all, the plain network of equal depth.
Shortcut = Literal["A", "B", "C", "none"]


def apply_conv(
    x: keras.KerasTensor, filters: int, kernel: int, *, name: str, **arguments: Any
) -> keras.KerasTensor:
    """Convolution from He's start, padded to keep the map at stride 1, BN and, if any, ReLU."""
    return conv_bn(
        x,
        filters,
        kernel,
        padding=kernel // 2,
        kernel_initializer=he_gaussian(),
        name=name,
        **arguments,
    )


def apply_shortcut(
    x: keras.KerasTensor, filters: int, *, strides: int, shortcut: Shortcut, name: str
) -> keras.KerasTensor:
    """Brings a block's input to the shape of its output, (B, H / strides, W / strides, filters)."""
    changes = strides != 1 or x.shape[-1] != filters
    if shortcut == "C" or (shortcut == "B" and changes):
        return apply_conv(x, filters, 1, strides=strides, activation=None, name=f"{name}_shortcut")
    if strides != 1:  # takes every second cell: the mean over a window of one
        x = keras.layers.AveragePooling2D(1, strides=strides, name=f"{name}_subsample")(x)
    if x.shape[-1] != filters:
        # Rows and columns of "channels_first" are the last two axes: zeros after the maps alone.
        more = ((0, 0), (0, filters - x.shape[-1]))
        x = keras.layers.ZeroPadding2D(more, data_format="channels_first", name=f"{name}_shortcut")(
            x
        )
    return x


def _add_shortcut(
    x: keras.KerasTensor,
    residual: keras.KerasTensor,
    *,
    strides: int,
    shortcut: Shortcut,
    drop: float,
    name: str,
) -> keras.KerasTensor:
    """Ends a block: its input x, through the shortcut, plus the residual, then ReLU."""
    if drop:
        residual = layers.StochasticDepth(drop, name=f"{name}_drop")(residual)
    if shortcut != "none":
        x = apply_shortcut(x, residual.shape[-1], strides=strides, shortcut=shortcut, name=name)
        residual = keras.layers.Add(name=f"{name}_add")([x, residual])
    return activate(residual, "relu", name=f"{name}_relu")


def apply_basic_block(
    x: keras.KerasTensor,
    filters: int,
    *,
    strides: int,
    shortcut: Shortcut,
    drop: float = 0.0,
    name: str,
) -> keras.KerasTensor:
    """Two 3x3 convolutions, left out at rate `drop`: (B, H / strides, W / strides, filters)."""
    y = apply_conv(x, filters, 3, strides=strides, name=f"{name}_a")
    y = apply_conv(y, filters, 3, activation=None, name=f"{name}_b")
    return _add_shortcut(x, y, strides=strides, shortcut=shortcut, drop=drop, name=name)


def apply_bottleneck_block(
    x: keras.KerasTensor,
    filters: int,
    *,
    strides: int,
    shortcut: Shortcut,
    stride_on: Literal["1x1", "3x3"],
    drop: float = 0.0,
    name: str,
) -> keras.KerasTensor:
    """1x1 to few maps, 3x3, 1x1 to four times as many: (B, H / strides, W / strides, 4 filters)."""
    first, second = (strides, 1) if stride_on == "1x1" else (1, strides)
    y = apply_conv(x, filters, 1, strides=first, name=f"{name}_a")
    y = apply_conv(y, filters, 3, strides=second, name=f"{name}_b")
    y = apply_conv(y, 4 * filters, 1, activation=None, name=f"{name}_c")
    return _add_shortcut(x, y, strides=strides, shortcut=shortcut, drop=drop, name=name)


def apply_stages(
    x: keras.KerasTensor,
    blocks: tuple[int, ...],
    filters: int,
    apply_block: Callable[..., keras.KerasTensor],
    *,
    shortcut: Shortcut,
    stochastic_depth: float,
    **arguments: Any,
) -> keras.KerasTensor:
    """Stages conv2, conv3, ... of blocks; each after the first halves the map, doubles the filters.

    Args:
        x: Feature maps (B, H, W, C).
        blocks: Number of blocks in each stage.
        filters: The filters of the first stage's blocks.
        apply_block: The kind of block.
        shortcut: The shortcut of every block.
        stochastic_depth: Rate at which the last block is left out in training; the rate of the
            others grows towards it in equal steps (Huang et al. 2016, section 3).
        **arguments: Further ones of `apply_block`.

    Raises:
        UserError: If blocks without a shortcut are to be left out: nothing would go on.
    """
    if stochastic_depth and shortcut == "none":
        raise UserError(
            f"stochastic_depth: got {stochastic_depth:g}, but a plain network has no shortcut "
            "around the blocks that are left out"
        )
    done = 0
    for stage, count in enumerate(blocks):
        for index in range(count):
            done += 1
            x = apply_block(
                x,
                filters * 2**stage,
                strides=2 if stage and not index else 1,
                shortcut=shortcut,
                drop=stochastic_depth * done / sum(blocks),
                name=f"conv{stage + 2}_{index + 1}",
                **arguments,
            )
    return x


def apply_classifier(x: keras.KerasTensor, classes: int) -> keras.KerasTensor:
    """Global average of maps (B, H, W, C), then one fully connected layer: (B, classes)."""
    x = keras.layers.GlobalAveragePooling2D(name="pool")(x)
    return keras.layers.Dense(classes, kernel_initializer=he_gaussian(), name="fc")(x)
