"""BN-Inception (Ioffe, Szegedy 2015): batch normalization, and two 3x3 windows for the 5x5."""

from __future__ import annotations

from typing import Literal, NamedTuple

from kerascnn.backend import keras
from kerascnn.models.blocks import conv_bn, pool
from kerascnn.models.registry import register_model


class Module(NamedTuple):
    """A row of the paper's figure 5: maps of each convolution (0: not there).

    A module without projection halves the map: its last convolutions and its pooling have stride 2.
    """

    one: int
    three_reduce: int
    three: int
    double_reduce: int
    double: int
    pooling: Literal["average", "max"]
    projection: int


MODULES = {
    "3a": Module(64, 64, 64, 64, 96, "average", 32),  # (B, 28, 28, 256)
    "3b": Module(64, 64, 96, 64, 96, "average", 64),  # (B, 28, 28, 320)
    "3c": Module(0, 128, 160, 64, 96, "max", 0),  # (B, 14, 14, 576)
    "4a": Module(224, 64, 96, 96, 128, "average", 128),  # (B, 14, 14, 576)
    "4b": Module(192, 96, 128, 96, 128, "average", 128),  # (B, 14, 14, 576)
    "4c": Module(160, 128, 160, 128, 160, "average", 128),  # (B, 14, 14, 608)
    "4d": Module(96, 128, 192, 160, 192, "average", 128),  # (B, 14, 14, 608)
    "4e": Module(0, 128, 192, 192, 256, "max", 0),  # (B, 7, 7, 1056)
    "5a": Module(352, 192, 320, 160, 224, "average", 128),  # (B, 7, 7, 1024)
    "5b": Module(352, 192, 320, 192, 224, "max", 128),  # (B, 7, 7, 1024)
}


def apply_inception(x: keras.KerasTensor, module: Module, *, name: str) -> keras.KerasTensor:
    """Windows of 1x1, 3x3, twice 3x3 and pooling side by side.

    Args:
        x: Feature maps (B, H, W, C).
        module: Its maps; without projection the output is (B, H / 2, W / 2, ...), rounded up.
        name: The name of the module.
    """
    strides = 1 if module.projection else 2
    branches = [conv_bn(x, module.one, 1, name=f"{name}_1x1")] if module.one else []
    three = conv_bn(x, module.three_reduce, 1, name=f"{name}_3x3_reduce")
    branches.append(conv_bn(three, module.three, 3, strides=strides, padding=1, name=f"{name}_3x3"))
    double = conv_bn(x, module.double_reduce, 1, name=f"{name}_double_3x3_reduce")
    double = conv_bn(double, module.double, 3, name=f"{name}_double_3x3_1")
    branches.append(
        conv_bn(double, module.double, 3, strides=strides, padding=1, name=f"{name}_double_3x3_2")
    )
    # Even maps are halved as in ceil mode; odd ones get the size that the convolutions give.
    pooled = pool(x, 3, strides=strides, kind=module.pooling, padding="same", name=f"{name}_pool")
    if module.projection:
        pooled = conv_bn(pooled, module.projection, 1, name=f"{name}_pool_proj")
    return keras.layers.Concatenate(name=name)([*branches, pooled])


@register_model(
    "bn-inception",
    family="inception",
    year=2015,
    paper="Ioffe and Szegedy, Batch Normalization",
    input_shape=(224, 224, 3),
    classes=1000,
)
def bn_inception(
    x: keras.KerasTensor, classes: int, *, strict_output: bool = False
) -> keras.KerasTensor:
    """BN-Inception: 11,285,224 parameters at 1000 classes.

    The paper's figure 5 contradicts itself in 4c and 4d: its projections make 608 maps, its column
    of outputs says 576 (and then 1024 for 4e). Both readings are here.

    Args:
        x: Images (B, H, W, C), float; at least 7x7.
        classes: Number of classes.
        strict_output: Project 4c's and 4d's pooling to 96 maps, so that the outputs are as printed:
            11,194,984 parameters. Else to 128, as printed and as in the public port.

    Raises:
        DoesNotFitError: If the images are too small.
    """
    x = conv_bn(x, 64, 7, strides=2, padding=3, name="conv1")  # (B, 112, 112, 64)
    x = pool(x, 3, strides=2, padding="ceil", name="pool1")  # (B, 56, 56, 64)
    x = conv_bn(x, 64, 1, name="conv2_reduce")  # (B, 56, 56, 64)
    x = conv_bn(x, 192, 3, name="conv2")  # (B, 56, 56, 192)
    x = pool(x, 3, strides=2, padding="ceil", name="pool2")  # (B, 28, 28, 192)
    for name, module in MODULES.items():
        if strict_output and name in ("4c", "4d"):
            module = module._replace(projection=96)
        x = apply_inception(x, module, name=f"inception_{name}")
    x = keras.layers.GlobalAveragePooling2D(name="pool5")(x)  # (B, 1024)
    return keras.layers.Dense(classes, name="fc")(x)
