"""Residual networks for ImageNet and their plain counterparts (He, Zhang, Ren, Sun 2015)."""

from __future__ import annotations

from functools import partial
from typing import Annotated, Literal

from pydantic import Field

from kerascnn.backend import keras
from kerascnn.models.blocks import pool
from kerascnn.models.registry import Count, Rate, Widths, register_model
from kerascnn.models.residual import (
    Shortcut,
    apply_basic_block,
    apply_bottleneck_block,
    apply_classifier,
    apply_conv,
    apply_stages,
)

PAPER = "He et al., Deep Residual Learning for Image Recognition"

_register = partial(
    register_model,
    family="resnet",
    year=2015,
    paper=PAPER,
    input_shape=(224, 224, 3),
    classes=1000,
)

# Blocks in the stages at 56, 28, 14 and 7 pixels: the paper's table 1.
BASIC = {18: (2, 2, 2, 2), 34: (3, 4, 6, 3)}
BOTTLENECK = {50: (3, 4, 6, 3), 101: (3, 4, 23, 3), 152: (3, 8, 36, 3)}

Stages = Annotated[Widths, Field(min_length=1)]


def _apply_stem(
    x: keras.KerasTensor, filters: int, pool_padding: Literal[0, 1]
) -> keras.KerasTensor:
    x = apply_conv(x, filters, 7, strides=2, name="conv1")  # (B, 112, 112, 64)
    if not pool_padding:
        return pool(x, 3, strides=2, padding="ceil", name="pool1")  # (B, 56, 56, 64)
    # After ReLU the zeros of the padding never win over what the window holds.
    x = keras.layers.ZeroPadding2D(1, name="pool1_pad")(x)
    return pool(x, 3, strides=2, name="pool1")


def resnet_basic(
    x: keras.KerasTensor,
    classes: int,
    *,
    blocks: Stages = BASIC[18],
    filters: Count = 64,
    shortcut: Shortcut = "B",
    pool_padding: Literal[0, 1] = 0,
    stochastic_depth: Rate = 0.0,
) -> keras.KerasTensor:
    """ResNet-18 and 34: blocks of two 3x3 convolutions.

    Args:
        x: Images (B, H, W, C), float; at least 3x3.
        classes: Number of classes.
        blocks: Number of blocks in each stage.
        filters: The filters of conv1 and the first stage; they double from stage to stage.
        shortcut: "A" has no parameters: every second cell, zeros for new maps. "B" projects where
            the shape changes, "C" around every block. "none" makes the plain network.
        pool_padding: The padding of pool1: 0 with a last window that may hang over (ceil), as
            the authors released it; 1 as in fb.resnet.torch, torchvision and keras.applications.
        stochastic_depth: Rate at which the last block is left out in training (Huang et al. 2016).

    Raises:
        UserError: For stochastic depth without shortcuts.
        DoesNotFitError: If the images are too small.
    """
    x = _apply_stem(x, filters, pool_padding)  # (B, 56, 56, 64)
    x = apply_stages(  # (B, 7, 7, 512)
        x,
        blocks,
        filters,
        apply_basic_block,
        shortcut=shortcut,
        stochastic_depth=stochastic_depth,
    )
    return apply_classifier(x, classes)


def resnet_bottleneck(
    x: keras.KerasTensor,
    classes: int,
    *,
    blocks: Stages = BOTTLENECK[50],
    filters: Count = 64,
    shortcut: Shortcut = "B",
    stride_on: Literal["1x1", "3x3"] = "1x1",
    pool_padding: Literal[0, 1] = 0,
    stochastic_depth: Rate = 0.0,
) -> keras.KerasTensor:
    """ResNet-50, 101 and 152: blocks of 1x1, 3x3 and 1x1 convolutions.

    Args:
        x: Images (B, H, W, C), float; at least 3x3.
        classes: Number of classes.
        blocks: Number of blocks in each stage.
        filters: The filters of conv1 and the first stage's 3x3; they double from stage to stage.
        shortcut: As for `resnet_basic`; the paper has "B".
        stride_on: Which convolution of a stage's first block has stride 2: the first 1x1 as in the
            paper and keras.applications, or the 3x3 as in fb.resnet.torch and torchvision.
        pool_padding: As for `resnet_basic`.
        stochastic_depth: As for `resnet_basic`.

    Raises:
        UserError: For stochastic depth without shortcuts.
        DoesNotFitError: If the images are too small.
    """
    x = _apply_stem(x, filters, pool_padding)  # (B, 56, 56, 64)
    x = apply_stages(  # (B, 7, 7, 2048)
        x,
        blocks,
        filters,
        apply_bottleneck_block,
        shortcut=shortcut,
        stochastic_depth=stochastic_depth,
        stride_on=stride_on,
    )
    return apply_classifier(x, classes)


for _depth, _blocks in BASIC.items():
    _register(f"resnet{_depth}", blocks=_blocks)(resnet_basic)
    _register(f"plain{_depth}", blocks=_blocks, shortcut="none")(resnet_basic)
for _depth, _blocks in BOTTLENECK.items():
    _register(f"resnet{_depth}", blocks=_blocks)(resnet_bottleneck)
