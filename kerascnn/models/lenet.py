"""LeNet-5 (LeCun, Bottou, Bengio, Haffner 1998)."""

from __future__ import annotations

from typing import Literal

from kerascnn.backend import keras
from kerascnn.models.blocks import conv, pool
from kerascnn.registry import Activation, register_model


@register_model(
    "lenet5",
    family="mnist",
    year=1998,
    paper="LeCun et al., Gradient-Based Learning Applied to Document Recognition",
    input_shape=(32, 32, 1),
    classes=10,
)
def lenet5(
    x: keras.KerasTensor,
    classes: int,
    *,
    activation: Activation = "relu",
    pooling: Literal["max", "average"] = "max",
) -> keras.KerasTensor:
    """LeNet-5 as the lectures draw it: 61,706 parameters at 32x32x1.

    Inputs under 32 pixels are zero-padded by 2 on each side, as LeCun's 28x28 digits were.

    Args:
        x: Images (B, H, W, C), float; at least 12x12 (16x16 after padding).
        classes: Number of classes.
        activation: Of every hidden layer.
        pooling: Of S2 and S4.
    """
    if min(x.shape[1], x.shape[2]) < 32:
        x = keras.layers.ZeroPadding2D(2, name="pad")(x)  # (B, 32, 32, C) for 28x28
    x = conv(x, 6, 5, padding="valid", activation=activation, name="c1")  # (B, 28, 28, 6)
    x = pool(x, kind=pooling, name="s2")  # (B, 14, 14, 6)
    x = conv(x, 16, 5, padding="valid", activation=activation, name="c3")  # (B, 10, 10, 16)
    x = pool(x, kind=pooling, name="s4")  # (B, 5, 5, 16)
    x = keras.layers.Flatten(name="flatten")(x)
    x = keras.layers.Dense(120, activation=activation, name="c5")(x)
    x = keras.layers.Dense(84, activation=activation, name="f6")(x)
    return keras.layers.Dense(classes, name="output")(x)
