"""GoogLeNet (Szegedy et al. 2014): nine inception modules, two auxiliary heads in training."""

from __future__ import annotations

from functools import partial

from kerascnn import layers
from kerascnn.backend import keras
from kerascnn.models.blocks import conv, pool
from kerascnn.models.registry import Rate, register_model

# The paper's table 1: maps of 1x1, 3x3 reduce, 3x3, 5x5 reduce, 5x5, pool projection.
MODULES = {
    "3a": (64, 96, 128, 16, 32, 32),
    "3b": (128, 128, 192, 32, 96, 64),
    "4a": (192, 96, 208, 16, 48, 64),
    "4b": (160, 112, 224, 24, 64, 64),
    "4c": (128, 128, 256, 24, 64, 64),
    "4d": (112, 144, 288, 32, 64, 64),
    "4e": (256, 160, 320, 32, 128, 128),
    "5a": (256, 160, 320, 32, 128, 128),
    "5b": (384, 192, 384, 48, 128, 128),
}

_conv = partial(conv, activation="relu")
_halve = partial(pool, size=3, strides=2, padding="ceil")


def apply_inception(
    x: keras.KerasTensor, widths: tuple[int, int, int, int, int, int], *, name: str
) -> keras.KerasTensor:
    """Windows of 1x1, 3x3, 5x5 and pooling side by side: maps (B, H, W, C) of the same size.

    Args:
        x: Feature maps (B, H, W, C).
        widths: A row of `MODULES`.
        name: The name of the module.
    """
    one, three_reduce, three, five_reduce, five, projection = widths
    branch1 = _conv(x, one, 1, name=f"{name}_1x1")
    branch3 = _conv(x, three_reduce, 1, name=f"{name}_3x3_reduce")
    branch3 = _conv(branch3, three, 3, name=f"{name}_3x3")
    branch5 = _conv(x, five_reduce, 1, name=f"{name}_5x5_reduce")
    branch5 = _conv(branch5, five, 5, name=f"{name}_5x5")
    pooled = pool(x, 3, strides=1, padding="same", name=f"{name}_pool")
    pooled = _conv(pooled, projection, 1, name=f"{name}_pool_proj")
    return keras.layers.Concatenate(name=name)([branch1, branch3, branch5, pooled])


def apply_auxiliary(x: keras.KerasTensor, classes: int, *, name: str) -> keras.KerasTensor:
    """A classifier on maps (B, 14, 14, C), which brings gradients to the layers in the middle."""
    x = pool(x, 5, strides=3, kind="average", name=f"{name}_pool")  # (B, 4, 4, C)
    x = _conv(x, 128, 1, name=f"{name}_conv")  # (B, 4, 4, 128)
    x = keras.layers.Flatten(name=f"{name}_flatten")(x)
    x = keras.layers.Dense(1024, activation="relu", name=f"{name}_fc1")(x)
    x = keras.layers.Dropout(0.7, name=f"{name}_drop")(x)
    return keras.layers.Dense(classes, name=f"{name}_fc2")(x)


@register_model(
    "googlenet",
    family="inception",
    year=2014,
    paper="Szegedy et al., Going Deeper with Convolutions",
    input_shape=(224, 224, 3),
    classes=1000,
    normalization="center",
)
def googlenet(
    x: keras.KerasTensor,
    classes: int,
    *,
    auxiliary: bool = True,
    dropout: Rate = 0.4,
) -> keras.KerasTensor | dict[str, keras.KerasTensor]:
    """GoogLeNet: 6,998,552 parameters at 1000 classes, 13,378,280 with the auxiliary heads.

    Args:
        x: Images (B, H, W, C), float; at least 31x31, and 79x79 with the auxiliary heads.
        classes: Number of classes.
        auxiliary: Heads on 4a and 4d; the paper weighs their losses by 0.3 and drops them
            after training.
        dropout: Before the last layer; the auxiliary heads have 0.7.

    Returns:
        Logits (B, classes); with auxiliary heads a dict of them: logits, aux1, aux2.

    Raises:
        DoesNotFitError: If the images are too small.
    """
    x = _conv(x, 64, 7, strides=2, padding=3, name="conv1")  # (B, 112, 112, 64)
    x = _halve(x, name="pool1")  # (B, 56, 56, 64)
    x = layers.LRN(name="norm1")(x)
    x = _conv(x, 64, 1, name="conv2_reduce")
    x = _conv(x, 192, 3, name="conv2")  # (B, 56, 56, 192)
    x = layers.LRN(name="norm2")(x)
    x = _halve(x, name="pool2")  # (B, 28, 28, 192)
    heads: dict[str, keras.KerasTensor] = {}
    for module, widths in MODULES.items():
        x = apply_inception(x, widths, name=f"inception_{module}")
        if auxiliary and module in ("4a", "4d"):
            name = f"aux{len(heads) + 1}"
            heads[name] = apply_auxiliary(x, classes, name=name)
        if module in ("3b", "4e"):  # (B, 14, 14, 480), (B, 7, 7, 832)
            x = _halve(x, name=f"pool{module[0]}")
    x = keras.layers.GlobalAveragePooling2D(name="pool5")(x)  # (B, 1024)
    x = keras.layers.Dropout(dropout, name="drop")(x)
    logits = keras.layers.Dense(classes, name="fc")(x)
    return {"logits": logits, **heads} if heads else logits
