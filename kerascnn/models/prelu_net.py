"""The PReLU networks A, B and C (He, Zhang, Ren, Sun 2015, Delving Deep into Rectifiers)."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from kerascnn import layers
from kerascnn.backend import keras
from kerascnn.models.blocks import conv, he_gaussian, pool
from kerascnn.models.registry import Count, Rate, Widths, register_model

SLOPE = 0.25  # where the learned slopes start; the starting weights allow for it


def apply_rectifier(
    x: keras.KerasTensor, kind: Literal["relu", "prelu", "shared-prelu"], *, name: str
) -> keras.KerasTensor:
    """ReLU, or PReLU with one slope per map or unit of (B, ..., C), or with one for all.

    Args:
        x: Feature maps (B, H, W, C) or vectors (B, C).
        kind: The kind of rectifier.
        name: The name of the layer before it.
    """
    if kind == "relu":
        return keras.layers.Activation("relu", name=f"{name}_relu")(x)
    axes = range(1, len(x.shape))
    return keras.layers.PReLU(
        alpha_initializer=keras.initializers.Constant(SLOPE),
        shared_axes=list(axes if kind == "shared-prelu" else axes[:-1]),
        name=f"{name}_prelu",
    )(x)


def prelu_net(
    x: keras.KerasTensor,
    classes: int,
    *,
    convolutions: Count = 5,
    filters: Annotated[Widths, Field(min_length=1, max_length=5)] = (256, 512, 512),
    rectifier: Literal["relu", "prelu", "shared-prelu"] = "prelu",
    levels: Annotated[Widths, Field(min_length=1)] = (7, 3, 2, 1),
    dense: Annotated[Widths, Field(max_length=2)] = (4096, 4096),
    dropout: Rate = 0.5,
) -> keras.KerasTensor:
    """Stages of 3x3 convolutions after one of 7x7, spatial pyramid pooling, three dense layers.

    Args:
        x: Images (B, H, W, C), float; at least 15x15 with three stages.
        classes: Number of classes.
        convolutions: Number in each stage.
        filters: The filters of each stage.
        rectifier: "prelu" with a learned slope per map, "shared-prelu" per layer, or "relu".
        levels: Bins per side of the spatial pyramid; see `kerascnn.layers.SPP`.
        dense: Widths of fc6 and fc7.
        dropout: After fc6 and fc7.

    Raises:
        DoesNotFitError: If the images are too small.
    """
    slope = 0.0 if rectifier == "relu" else SLOPE
    x = conv(x, 96, 7, strides=2, padding=3, kernel_initializer=he_gaussian(slope), name="conv1")
    x = apply_rectifier(x, rectifier, name="conv1")  # (B, 112, 112, 96)
    for stage, width in enumerate(filters, start=2):
        x = pool(x, name=f"pool{stage - 1}")
        for index in range(1, convolutions + 1):
            name = f"conv{stage}_{index}"
            x = conv(x, width, 3, kernel_initializer=he_gaussian(slope), name=name)
            x = apply_rectifier(x, rectifier, name=name)
        # (B, 56, 56, 256), (B, 28, 28, 512), (B, 14, 14, 512)
    x = layers.SPP(levels, name="spp")(x)  # (B, 32256)
    for name, units in zip(("fc6", "fc7"), dense, strict=False):
        x = keras.layers.Dense(units, kernel_initializer=he_gaussian(slope), name=name)(x)
        x = apply_rectifier(x, rectifier, name=name)
        if dropout:
            x = keras.layers.Dropout(dropout, name=f"{name}_drop")(x)
    return keras.layers.Dense(classes, kernel_initializer=he_gaussian(slope), name="fc8")(x)


for _letter, _convolutions, _filters in (
    ("a", 5, (256, 512, 512)),
    ("b", 6, (256, 512, 512)),
    ("c", 6, (384, 768, 896)),
):
    register_model(
        f"prelu-net-{_letter}",
        family="prelu-net",
        year=2015,
        paper="He et al., Delving Deep into Rectifiers",
        input_shape=(224, 224, 3),
        classes=1000,
        convolutions=_convolutions,
        filters=_filters,
    )(prelu_net)
