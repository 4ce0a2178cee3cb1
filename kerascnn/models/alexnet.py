"""AlexNet (Krizhevsky, Sutskever, Hinton 2012), its ablations and its one-tower version (2014)."""

from __future__ import annotations

from functools import partial
from typing import Literal

from kerascnn import layers
from kerascnn.backend import keras
from kerascnn.models.blocks import conv_gaussian, fully_connected, gaussian, pool
from kerascnn.models.registry import Count, Rate, register_model


def alexnet(
    x: keras.KerasTensor,
    classes: int,
    *,
    groups: tuple[Count, Count, Count] = (2, 2, 2),
    without: tuple[Literal[3, 4, 6, 7], ...] = (),
    bias: float = 1.0,
    dense: tuple[Count, Count] = (4096, 4096),
    dropout: Rate = 0.5,
) -> keras.KerasTensor:
    """AlexNet: 60,965,224 parameters at 224x224x3 (or 227x227x3) and 1000 classes.

    conv1's windows may hang over the right and bottom edge, as in cuda-convnet: 55x55 maps from
    224 pixels and from 227.

    Args:
        x: Images (B, H, W, C), float; at least 64x64.
        classes: Number of classes.
        groups: The groups of conv2, conv4 and conv5, which see only their own of the two GPUs: (2,
            2, 2). (2, 1, 2) is the table of the lectures on CNNs, (1, 1, 1) is dense.
        without: Numbers of the layers to leave out.
        bias: Start of the biases of conv2, conv4, conv5, fc6 and fc7. The paper's 1 feeds the
            ReLUs at first; Caffe's replica took 0.1 because training stalled.
        dense: Widths of fc6 and fc7.
        dropout: After fc6 and fc7.

    Raises:
        DoesNotFitError: If the images are too small.
        UserError: If the groups do not divide the channels or filters of their layer.
    """

    below, right = (-(size - 11) % 4 for size in x.shape[1:3])
    if below or right:
        x = keras.layers.ZeroPadding2D(((0, below), (0, right)), name="conv1_pad")(x)
    x = conv_gaussian(x, 96, 11, strides=4, padding="valid", name="conv1")  # (B, 55, 55, 96)
    x = layers.LRN(name="norm1")(x)
    x = pool(x, 3, strides=2, name="pool1")  # (B, 27, 27, 96)
    x = conv_gaussian(x, 256, 5, groups=groups[0], bias=bias, name="conv2")  # (B, 27, 27, 256)
    x = layers.LRN(name="norm2")(x)
    x = pool(x, 3, strides=2, name="pool2")  # (B, 13, 13, 256)
    if 3 not in without:
        x = conv_gaussian(x, 384, 3, name="conv3")  # (B, 13, 13, 384)
    if 4 not in without:
        x = conv_gaussian(x, 384, 3, groups=groups[1], bias=bias, name="conv4")
    x = conv_gaussian(x, 256, 3, groups=groups[2], bias=bias, name="conv5")  # (B, 13, 13, 256)
    x = pool(x, 3, strides=2, name="pool5")  # (B, 6, 6, 256)
    hidden = {f"fc{number}": dense[number - 6] for number in (6, 7) if number not in without}
    return fully_connected(
        x, hidden, {"fc8": classes}, dropout=dropout, initializer=gaussian, bias=bias
    )


def alexnet_one_tower(
    x: keras.KerasTensor,
    classes: int,
    *,
    bias: float = 1.0,
    dense: tuple[Count, Count] = (4096, 4096),
    dropout: Rate = 0.5,
) -> keras.KerasTensor:
    """AlexNet for one GPU, without groups and LRN: 61,100,840 parameters at 224x224x3.

    Starting weights are those of the author's configuration for one GPU in cuda-convnet2.

    Args:
        x: Images (B, H, W, C), float; at least 63x63.
        classes: Number of classes.
        bias: Start of the biases of conv2, conv4, conv5, fc6 and fc7.
        dense: Widths of fc6 and fc7.
        dropout: After fc6 and fc7, as in cuda-convnet2; torchvision has it before them.

    Raises:
        DoesNotFitError: If the images are too small.
    """
    x = conv_gaussian(x, 64, 11, strides=4, padding=2, name="conv1")  # (B, 55, 55, 64)
    x = pool(x, 3, strides=2, name="pool1")  # (B, 27, 27, 64)
    x = conv_gaussian(x, 192, 5, bias=bias, name="conv2")  # (B, 27, 27, 192)
    x = pool(x, 3, strides=2, name="pool2")  # (B, 13, 13, 192)
    x = conv_gaussian(x, 384, 3, std=0.03, name="conv3")  # (B, 13, 13, 384)
    x = conv_gaussian(x, 256, 3, std=0.03, bias=bias, name="conv4")  # (B, 13, 13, 256)
    x = conv_gaussian(x, 256, 3, std=0.03, bias=bias, name="conv5")  # (B, 13, 13, 256)
    x = pool(x, 3, strides=2, name="pool5")  # (B, 6, 6, 256)
    hidden = dict(zip(("fc6", "fc7"), dense, strict=True))
    return fully_connected(
        x, hidden, {"fc8": classes}, dropout=dropout, initializer=gaussian, bias=bias
    )


_register = partial(
    register_model,
    family="alexnet",
    input_shape=(224, 224, 3),
    classes=1000,
    normalization="center",
)
_register("alexnet", year=2012, paper="Krizhevsky et al., ImageNet Classification with Deep CNNs")(
    alexnet
)
for _without in ((7,), (6, 7), (3, 4), (3, 4, 6, 7)):
    _register(
        f"alexnet-without-{'-'.join(map(str, _without))}",
        year=2013,
        paper="Zeiler and Fergus, Visualizing and Understanding CNNs, table 3",
        without=_without,
    )(alexnet)
_register(
    "alexnet-one-tower",
    year=2014,
    paper="Krizhevsky, One Weird Trick for Parallelizing CNNs",
)(alexnet_one_tower)
