"""The VGG networks (Simonyan, Zisserman 2014): small windows, up to nineteen weight layers."""

from __future__ import annotations

from functools import partial
from typing import Annotated, Any, Literal

from pydantic import Field

from kerascnn import layers
from kerascnn.backend import keras
from kerascnn.models.blocks import conv, conv_bn, fully_connected, gaussian, pool
from kerascnn.models.registry import Count, Rate, Widths, register_model

# The paper's table 1: convolutions in each block, and what else the configuration has.
CONFIGURATIONS: dict[str, dict[str, Any]] = {
    "vgg11": {"convolutions": (1, 1, 2, 2, 2)},  # A
    "vgg11-lrn": {"convolutions": (1, 1, 2, 2, 2), "lrn": True},  # A-LRN
    "vgg13": {"convolutions": (2, 2, 2, 2, 2)},  # B
    "vgg16-c": {"convolutions": (2, 2, 3, 3, 3), "pointwise": True},  # C
    "vgg16": {"convolutions": (2, 2, 3, 3, 3)},  # D
    "vgg19": {"convolutions": (2, 2, 4, 4, 4)},  # E
}


def vgg(
    x: keras.KerasTensor,
    classes: int,
    *,
    convolutions: Annotated[Widths, Field(min_length=1, max_length=5)] = (2, 2, 3, 3, 3),
    filters: Count = 64,
    pointwise: bool = False,
    lrn: bool = False,
    batch_norm: bool = False,
    dense: Annotated[Widths, Field(max_length=2)] = (4096, 4096),
    dropout: Rate = 0.5,
    initialization: Literal["glorot", "gaussian"] = "glorot",
) -> keras.KerasTensor:
    """Blocks of 3x3 convolutions that end in 2x2 pooling, then fully connected layers.

    Args:
        x: Images (B, H, W, C), float; at least 32x32 with five blocks.
        classes: Number of classes.
        convolutions: Number in each block.
        filters: The filters of the first block; they double from block to block, up to eight times
            as many.
        pointwise: The third convolution of a block is 1x1, as in configuration C.
        lrn: Local response normalisation after the first convolution, as in A-LRN.
        batch_norm: Between each convolution and its ReLU (not in the paper).
        dense: Widths of fc6 and fc7.
        dropout: After fc6 and fc7.
        initialization: "glorot", which the paper found to do without pre-training, or "gaussian",
            N(0, 0.01^2), from which only the shallow ones train. (The paper calls 0.01 the
            variance; in the authors' code it is the standard deviation.)

    Raises:
        DoesNotFitError: If there are more blocks than the input can be halved.
    """
    start = keras.initializers.GlorotUniform if initialization == "glorot" else gaussian
    convolution = conv_bn if batch_norm else partial(conv, activation="relu")
    for block, count in enumerate(convolutions, start=1):
        for index in range(1, count + 1):
            x = convolution(
                x,
                filters * min(2 ** (block - 1), 8),
                1 if pointwise and index == 3 else 3,
                kernel_initializer=start(),
                name=f"conv{block}_{index}",
            )
            if lrn and block == index == 1:
                x = layers.LRN(name="norm1")(x)
        # (B, 112, 112, 64), (B, 56, 56, 128), (B, 28, 28, 256), (B, 14, 14, 512), (B, 7, 7, 512)
        x = pool(x, name=f"pool{block}")
    hidden = dict(zip(("fc6", "fc7"), dense, strict=False))
    return fully_connected(x, hidden, {"fc8": classes}, dropout=dropout, initializer=start)


for _name, _configuration in CONFIGURATIONS.items():
    register_model(
        _name,
        family="vgg",
        year=2014,
        paper="Simonyan and Zisserman, Very Deep Convolutional Networks",
        input_shape=(224, 224, 3),
        classes=1000,
        normalization="center",
        **_configuration,
    )(vgg)
