"""Maxout networks (Goodfellow, Warde-Farley, Mirza, Courville, Bengio 2013) as published.

Layers, norms and starting weights are those of the authors' pylearn2 configurations. What only
concerns training is left to recipes: the convolutions' learning rate is a twentieth of the others'
on CIFAR-10, and images are contrast-normalised and whitened there.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from kerascnn import layers
from kerascnn.backend import keras
from kerascnn.models.blocks import conv, pool
from kerascnn.models.registry import Rate, register_model

_PAPER = "Goodfellow et al., Maxout Networks"


class _Stage(NamedTuple):
    """A convolution with maxout, and the pooling after it, stride 2."""

    filters: int
    pieces: int
    kernel: int
    padding: int
    pool: int
    norm: float


_MNIST = (
    _Stage(48, 2, kernel=8, padding=0, pool=4, norm=0.9),  # (B, 10, 10, 48)
    _Stage(48, 2, kernel=8, padding=3, pool=4, norm=1.9365),  # (B, 4, 4, 48)
    _Stage(24, 4, kernel=5, padding=3, pool=2, norm=1.9365),  # (B, 3, 3, 24)
)
_CIFAR = (
    _Stage(96, 2, kernel=8, padding=4, pool=4, norm=0.9),  # (B, 16, 16, 96)
    _Stage(192, 2, kernel=8, padding=3, pool=4, norm=1.9365),  # (B, 7, 7, 192)
    _Stage(192, 2, kernel=5, padding=3, pool=2, norm=1.9365),  # (B, 5, 5, 192)
)


def _weights(norm: float, axis: int | list[int]) -> dict[str, Any]:
    return {
        "kernel_initializer": keras.initializers.RandomUniform(-0.005, 0.005),
        "kernel_constraint": keras.constraints.MaxNorm(norm, axis=axis),
    }


def _drop_image(x: keras.KerasTensor, rate: float) -> keras.KerasTensor:
    """Drops pixels without raising the others, as the paper's networks do with their input."""
    return layers.UnscaledDropout(rate, name="image_drop")(x) if rate else x


def _dense(
    x: keras.KerasTensor,
    units: int,
    *,
    name: str,
    pieces: int = 1,
    dropout: float = 0.0,
    norm: float = 1.9365,
) -> keras.KerasTensor:
    """A dense layer with dropout before it, and the maximum over pieces after it."""
    if dropout:
        x = keras.layers.Dropout(dropout, name=f"{name}_drop")(x)
    x = keras.layers.Dense(units * pieces, name=name, **_weights(norm, 0))(x)
    return layers.Maxout(pieces, name=f"{name}_maxout")(x) if pieces > 1 else x


def _convolutions(
    x: keras.KerasTensor,
    stages: Sequence[_Stage],
    *,
    untied: bool,
    image_dropout: float,
    dropout: float,
) -> keras.KerasTensor:
    """The convolutional stages, flattened.

    Args:
        x: Images (B, H, W, C).
        stages: In order.
        untied: Whether each position has a bias of its own.
        image_dropout: The dropout rate of the pixels, which are not rescaled.
        dropout: Before each convolution but the first.
    """
    x = _drop_image(x, image_dropout)
    for number, stage in enumerate(stages):
        name = f"h{number}"
        if dropout and number:
            x = keras.layers.Dropout(dropout, name=f"{name}_drop")(x)
        x = conv(
            x,
            stage.filters * stage.pieces,
            stage.kernel,
            padding=stage.padding,
            use_bias=not untied,
            name=name,
            **_weights(stage.norm, [0, 1, 2]),
        )
        if untied:
            x = layers.UntiedBias(name=f"{name}_bias")(x)
        x = layers.Maxout(stage.pieces, name=f"{name}_maxout")(x)
        x = pool(x, stage.pool, strides=2, padding="ceil", name=f"{name}_pool")
    return keras.layers.Flatten(name="flatten")(x)


@register_model(
    "maxout-mnist",
    family="mnist",
    year=2013,
    paper=_PAPER,
    input_shape=(28, 28, 1),
    classes=10,
    normalization="unit",
)
def maxout_mnist(
    x: keras.KerasTensor,
    classes: int,
    *,
    untied_biases: bool = True,
    image_dropout: Rate = 0.2,
    dropout: Rate = 0.5,
) -> keras.KerasTensor:
    """Three maxout convolutions for MNIST: 471,994 parameters at 28x28x1.

    Args:
        x: Images (B, H, W, C), float; at least 16x16.
        classes: Number of classes.
        untied_biases: One bias for each position, as published; else 418,714 parameters.
        image_dropout: The dropout rate of the pixels, which are not rescaled.
        dropout: On the input of every other layer.

    Raises:
        DoesNotFitError: If the images are too small.
    """
    x = _convolutions(x, _MNIST, untied=untied_biases, image_dropout=image_dropout, dropout=dropout)
    return _dense(x, classes, dropout=dropout, name="y")


@register_model(
    "maxout-mlp",
    family="mnist",
    year=2013,
    paper=_PAPER,
    input_shape=(28, 28, 1),
    classes=10,
    normalization="unit",
)
def maxout_mlp(
    x: keras.KerasTensor,
    classes: int,
    *,
    image_dropout: Rate = 0.2,
    dropout: Rate = 0.5,
) -> keras.KerasTensor:
    """Two dense maxout layers of 240 units and 5 pieces: 1,233,610 parameters at 28x28x1.

    The permutation-invariant network for MNIST.

    Args:
        x: Images (B, H, W, C), float.
        classes: Number of classes.
        image_dropout: The dropout rate of the pixels, which are not rescaled.
        dropout: On the input of every other layer.
    """
    x = keras.layers.Flatten(name="flatten")(x)
    x = _drop_image(x, image_dropout)
    x = _dense(x, 240, pieces=5, name="h0")
    x = _dense(x, 240, pieces=5, dropout=dropout, name="h1")
    return _dense(x, classes, dropout=dropout, name="y")


@register_model(
    "maxout-cifar10",
    family="cifar",
    year=2013,
    paper=_PAPER,
    input_shape=(32, 32, 3),
    classes=10,
)
def maxout_cifar10(
    x: keras.KerasTensor,
    classes: int,
    *,
    image_dropout: Rate = 0.2,
    dropout: Rate = 0.5,
) -> keras.KerasTensor:
    """Three maxout convolutions and a dense maxout layer: 16,247,830 parameters at 32x32x3.

    Args:
        x: Images (B, H, W, C), float; at least 8x8.
        classes: Number of classes.
        image_dropout: The dropout rate of the pixels, which are not rescaled.
        dropout: On the input of every other layer.

    Raises:
        DoesNotFitError: If the images are too small.
    """
    x = _convolutions(x, _CIFAR, untied=False, image_dropout=image_dropout, dropout=dropout)
    x = _dense(x, 500, pieces=5, dropout=dropout, norm=1.9, name="h3")
    return _dense(x, classes, dropout=dropout, name="y")
