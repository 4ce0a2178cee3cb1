"""ZFNet (Zeiler, Fergus 2013): AlexNet with finer first layers, found by looking at its filters."""

from __future__ import annotations

import math
from typing import Annotated

from pydantic import Field

from kerascnn import layers
from kerascnn.backend import keras
from kerascnn.models.blocks import conv_gaussian, fully_connected, gaussian, pool
from kerascnn.models.registry import Count, Rate, register_model


@register_model(
    "zfnet",
    family="alexnet",
    year=2013,
    paper="Zeiler and Fergus, Visualizing and Understanding CNNs",
    input_shape=(224, 224, 3),
    classes=1000,
    normalization="center",
)
def zfnet(
    x: keras.KerasTensor,
    classes: int,
    *,
    filters: tuple[Count, Count, Count] = (384, 384, 256),
    rms: Annotated[float, Field(gt=0)] | None = 0.1,
    dense: tuple[Count, Count] = (4096, 4096),
    dropout: Rate = 0.5,
) -> keras.KerasTensor:
    """ZFNet: 62,357,608 parameters at 224x224x3 and 1000 classes.

    Unlike AlexNet it normalises after pooling. Pooling works in ceil mode and conv1 is padded by 1:
    only so do the sizes of the paper's figure 3 come out.

    Args:
        x: Images (B, H, W, C), float; at least 47x47.
        classes: Number of classes.
        filters: The filters of conv3, conv4 and conv5; the paper's larger net has (512, 1024, 512).
        rms: Filters of convolutions whose root mean square weight exceeds this are rescaled to it
            after each training step; None lets them grow.
        dense: Widths of fc6 and fc7.
        dropout: After fc6 and fc7.

    Raises:
        DoesNotFitError: If the images are too small.
    """

    def apply_conv(
        x: keras.KerasTensor, count: int, kernel: int, *, name: str, **arguments: int
    ) -> keras.KerasTensor:
        norm = None
        if rms:
            norm = keras.constraints.MaxNorm(
                rms * math.sqrt(kernel * kernel * x.shape[-1]), axis=[0, 1, 2]
            )
        return conv_gaussian(x, count, kernel, kernel_constraint=norm, name=name, **arguments)

    x = apply_conv(x, 96, 7, strides=2, padding=1, name="conv1")  # (B, 110, 110, 96)
    x = pool(x, 3, strides=2, padding="ceil", name="pool1")  # (B, 55, 55, 96)
    x = layers.LRN(name="norm1")(x)
    x = apply_conv(x, 256, 5, strides=2, padding=0, name="conv2")  # (B, 26, 26, 256)
    x = pool(x, 3, strides=2, padding="ceil", name="pool2")  # (B, 13, 13, 256)
    x = layers.LRN(name="norm2")(x)
    for number, count in enumerate(filters, start=3):
        x = apply_conv(x, count, 3, name=f"conv{number}")  # (B, 13, 13, 384), 384, 256
    x = pool(x, 3, strides=2, padding="ceil", name="pool5")  # (B, 6, 6, 256)
    hidden = dict(zip(("fc6", "fc7"), dense, strict=True))
    return fully_connected(x, hidden, {"fc8": classes}, dropout=dropout, initializer=gaussian)
