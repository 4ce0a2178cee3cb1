"""Residual networks for CIFAR-10 and their plain counterparts (He et al. 2015, section 4.2)."""

from __future__ import annotations

from functools import partial

from kerascnn.backend import keras
from kerascnn.models.registry import Count, Rate, register_model
from kerascnn.models.residual import (
    Shortcut,
    apply_basic_block,
    apply_classifier,
    apply_conv,
    apply_stages,
)
from kerascnn.models.resnet import PAPER


def cifar_resnet(
    x: keras.KerasTensor,
    classes: int,
    *,
    n: Count = 3,
    filters: Count = 16,
    shortcut: Shortcut = "A",
    stochastic_depth: Rate = 0.0,
) -> keras.KerasTensor:
    """A network of 6n + 2 layers: three stages of n blocks of two 3x3 convolutions.

    Args:
        x: Images (B, H, W, C), float, of any size.
        classes: Number of classes.
        n: Blocks in each stage.
        filters: The filters of the first stage; the next ones have two and four times as many.
        shortcut: The paper has "A" (zeros for new maps, no parameters); see `Shortcut`.
        stochastic_depth: Rate at which the last block is left out in training; 0.5 in the paper
            (Huang et al. 2016).

    Raises:
        UserError: For stochastic depth without shortcuts.
    """
    x = apply_conv(x, filters, 3, name="conv1")  # (B, 32, 32, 16)
    x = apply_stages(  # (B, 8, 8, 64)
        x,
        (n, n, n),
        filters,
        apply_basic_block,
        shortcut=shortcut,
        stochastic_depth=stochastic_depth,
    )
    return apply_classifier(x, classes)


_register = partial(
    register_model,
    family="cifar-resnet",
    year=2015,
    paper=PAPER,
    input_shape=(32, 32, 3),
    classes=10,
)
for _depth in (20, 32, 44, 56, 110, 1202):
    _register(f"cifar-resnet{_depth}", n=(_depth - 2) // 6)(cifar_resnet)
for _depth in (20, 32, 44, 56, 110):
    _register(f"cifar-plain{_depth}", n=(_depth - 2) // 6, shortcut="none")(cifar_resnet)
