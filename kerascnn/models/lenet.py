"""LeNet-5 (LeCun, Bottou, Bengio, Haffner 1998), as the lectures draw it and as it was."""

from __future__ import annotations

from typing import Literal

from kerascnn import layers
from kerascnn.backend import keras
from kerascnn.models.blocks import check_fits, conv, pool
from kerascnn.models.registry import Activation, register_model

_PAPER = "LeCun et al., Gradient-Based Learning Applied to Document Recognition"

# The maps of S2 that each map of C3 reads (table I).
_C3 = (
    (0, 1, 2), (1, 2, 3), (2, 3, 4), (3, 4, 5), (0, 4, 5), (0, 1, 5),
    (0, 1, 2, 3), (1, 2, 3, 4), (2, 3, 4, 5), (0, 3, 4, 5), (0, 1, 4, 5), (0, 1, 2, 5),
    (0, 1, 3, 4), (1, 2, 4, 5), (0, 2, 3, 5),
    (0, 1, 2, 3, 4, 5),
)  # fmt: skip


def _pad(x: keras.KerasTensor) -> keras.KerasTensor:
    """Puts images under 32 pixels in a frame of 2, as LeCun's 28x28 digits were in 32x32."""
    if min(x.shape[1], x.shape[2]) < 32:
        x = keras.layers.ZeroPadding2D(2, name="pad")(x)
    return x


@register_model(
    "lenet5",
    family="mnist",
    year=1998,
    paper=_PAPER,
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
        activation: The activation of every hidden layer.
        pooling: The pooling of S2 and S4.

    Raises:
        DoesNotFitError: If the images are too small.
    """
    x = _pad(x)  # (B, 32, 32, C)
    x = conv(x, 6, 5, padding="valid", activation=activation, name="c1")  # (B, 28, 28, 6)
    x = pool(x, kind=pooling, name="s2")  # (B, 14, 14, 6)
    x = conv(x, 16, 5, padding="valid", activation=activation, name="c3")  # (B, 10, 10, 16)
    x = pool(x, kind=pooling, name="s4")  # (B, 5, 5, 16)
    x = keras.layers.Flatten(name="flatten")(x)
    x = keras.layers.Dense(120, activation=activation, name="c5")(x)
    x = keras.layers.Dense(84, activation=activation, name="f6")(x)
    return keras.layers.Dense(classes, name="output")(x)


@register_model(
    "lenet5-1998",
    family="mnist",
    year=1998,
    paper=_PAPER,
    input_shape=(32, 32, 1),
    classes=10,
    normalization="lenet",
    loss="map",
)
def lenet5_1998(x: keras.KerasTensor, classes: int) -> keras.KerasTensor:
    """LeNet-5 as published (section II-B): 60,000 trainable parameters at 32x32x1.

    Maps of C3 read only some of S2's, subsampling has a coefficient and a bias for each map, every
    layer is squashed by 1.7159 tanh(2x/3), and an output is the distance to a fixed code; the
    logits are minus these distances. Weights start uniform within 2.4 / fan-in, biases at zero.
    Inputs under 32 pixels are zero-padded by 2 on each side; that zero is not quite the
    background's -0.1.

    Args:
        x: Images (B, H, W, C), float; at least 12x12 (16x16 after padding).
        classes: Number of classes; the first ten have the digits as codes, the others random ones.

    Raises:
        DoesNotFitError: If the images are too small.
    """
    squash = layers.scaled_tanh

    def uniform(fan_in: int) -> keras.initializers.Initializer:
        return keras.initializers.RandomUniform(-2.4 / fan_in, 2.4 / fan_in)

    def subsample(x: keras.KerasTensor, name: str) -> keras.KerasTensor:
        check_fits(x, 2, name)
        x = layers.Subsampling2D(2, name=name)(x)
        return keras.layers.Activation(squash, name=f"{name}_squash")(x)

    def dense(x: keras.KerasTensor, units: int, name: str) -> keras.KerasTensor:
        return keras.layers.Dense(
            units, activation=squash, kernel_initializer=uniform(x.shape[-1]), name=name
        )(x)

    x = _pad(x)  # (B, 32, 32, C)
    start = uniform(25 * x.shape[-1])
    x = conv(x, 6, 5, padding="valid", activation=squash, kernel_initializer=start, name="c1")
    x = subsample(x, "s2")  # (B, 14, 14, 6)
    check_fits(x, 5, "c3")
    x = layers.SparseConv2D(_C3, 5, activation=squash, name="c3")(x)  # (B, 10, 10, 16)
    x = subsample(x, "s4")  # (B, 5, 5, 16)
    # C5 is a convolution over the whole of S4's maps, which is a dense layer.
    x = keras.layers.Flatten(name="flatten")(x)
    x = dense(x, 120, "c5")
    x = dense(x, 84, "f6")
    return layers.RBF(classes, dtype="float32", name="output")(x)
