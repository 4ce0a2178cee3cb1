"""Three networks of cuda-convnet's kind for CIFAR: 5x5 convolutions and overlapping pooling."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from kerascnn import layers
from kerascnn.backend import keras
from kerascnn.models.blocks import check_fits, conv, conv_gaussian, gaussian, he_gaussian, pool
from kerascnn.models.registry import Count, register_model

Decay = Annotated[float, Field(ge=0)]


def _normalize(x: keras.KerasTensor, name: str) -> keras.KerasTensor:
    """Response normalisation with cuda-convnet's constants; it divides alpha by the window."""
    return layers.LRN(9, 1e-3 / 9, 0.75, 1.0, name=name)(x)


def _pool(x: keras.KerasTensor, name: str) -> keras.KerasTensor:
    return pool(x, 3, strides=2, padding="ceil", name=name)


@register_model(
    "cuda-convnet",
    family="cifar",
    year=2012,
    paper="Krizhevsky, cuda-convnet (layers-conv-local-11pct)",
    input_shape=(32, 32, 3),
    classes=10,
    normalization="center",
)
def cuda_convnet(
    x: keras.KerasTensor,
    classes: int,
    *,
    local_decay: Decay = 0.004,
    dense_decay: Decay = 0.01,
) -> keras.KerasTensor:
    """The network with 11 % error, two of its layers locally connected: 3,672,906 parameters.

    Trained on 24x24 crops, with the biases' learning rate twice the weights'.

    Args:
        x: Images (B, H, W, C), float, in units of 0..255 (the first weights start at 1e-4 for
            that); at least 4x4.
        classes: Number of classes.
        local_decay: Weight decay of the locally connected layers, decay / 2 * ||w||^2.
        dense_decay: Weight decay of the last layer.

    Raises:
        DoesNotFitError: If the images are too small.
    """

    def local(x: keras.KerasTensor, filters: int, name: str) -> keras.KerasTensor:
        return layers.LocallyConnected2D(
            filters,
            3,
            padding="same",
            activation="relu",
            kernel_initializer=gaussian(0.04),
            kernel_regularizer=keras.regularizers.L2(local_decay / 2),
            name=name,
        )(x)

    x = conv_gaussian(x, 64, 5, std=1e-4, name="conv1")  # (B, 32, 32, 64)
    x = _normalize(_pool(x, "pool1"), "norm1")  # (B, 16, 16, 64)
    x = conv_gaussian(x, 64, 5, std=0.01, name="conv2")  # (B, 16, 16, 64)
    x = _pool(_normalize(x, "norm2"), "pool2")  # (B, 8, 8, 64)
    x = local(x, 64, "local3")  # (B, 8, 8, 64)
    x = local(x, 32, "local4")  # (B, 8, 8, 32)
    x = keras.layers.Flatten(name="flatten")(x)
    return keras.layers.Dense(
        classes,
        kernel_initializer=gaussian(0.01),
        kernel_regularizer=keras.regularizers.L2(dense_decay / 2),
        name="fc5",
    )(x)


@register_model(
    "stochastic-pooling",
    family="cifar",
    year=2013,
    paper="Zeiler and Fergus, Stochastic Pooling for Regularization of Deep CNNs",
    input_shape=(32, 32, 3),
    classes=10,
)
def stochastic_pooling(
    x: keras.KerasTensor,
    classes: int,
    *,
    pooling: Literal["stochastic", "max", "average"] = "stochastic",
    filters: tuple[Count, Count, Count] = (64, 64, 64),
) -> keras.KerasTensor:
    """Three convolutions, each pooled and normalised, then one layer: 220,042 parameters.

    The paper does not give starting weights: He's. Constants of the normalisation are
    cuda-convnet's.

    Args:
        x: Images (B, H, W, C), float; at least 8x8.
        classes: Number of classes.
        pooling: 3x3, stride 2, in all three layers; the paper compares these kinds.
        filters: The filters of the convolutions; (64, 64, 128) for SVHN.

    Raises:
        DoesNotFitError: If the images are too small.
    """
    for number, count in enumerate(filters, start=1):
        x = conv(
            x, count, 5, activation="relu", kernel_initializer=he_gaussian(), name=f"conv{number}"
        )
        name = f"pool{number}"
        if pooling == "stochastic":
            check_fits(x, 2, name)  # in ceil mode a 3x3 window hangs over by at most one
            x = layers.StochasticPooling2D(3, 2, name=name)(x)
        else:
            x = pool(x, 3, strides=2, padding="ceil", kind=pooling, name=name)
        x = _normalize(x, f"norm{number}")  # (B, 16, 16, 64), (B, 8, 8, 64), (B, 4, 4, 64)
    x = keras.layers.Flatten(name="flatten")(x)
    return keras.layers.Dense(classes, kernel_initializer=he_gaussian(), name="fc4")(x)


@register_model(
    "dropout-convnet",
    family="cifar",
    year=2014,
    paper="Srivastava et al., Dropout: A Simple Way to Prevent NNs from Overfitting",
    input_shape=(32, 32, 3),
    classes=10,
)
def dropout_convnet(
    x: keras.KerasTensor,
    classes: int,
    *,
    dropout: Literal["none", "fc", "all"] = "all",
    max_norm: Annotated[float, Field(gt=0)] | None = 4.0,
) -> keras.KerasTensor:
    """The conv net of the dropout paper (appendix B): 13,741,578 parameters at 32x32x3.

    Convolutions are padded and pooling works in ceil mode, which the paper leaves open: unpadded,
    the third convolution would have nothing left. Starting weights are not given: He's.

    Args:
        x: Images (B, H, W, C), float; at least 8x8.
        classes: Number of classes.
        dropout: In no layer, in the fully connected ones (rate 0.5), or in all (0.1 of the image,
            0.25, 0.25 and 0.5 of the pooled maps).
        max_norm: Longest incoming weight vector of any unit; None for no bound.

    Raises:
        DoesNotFitError: If the images are too small.
    """

    def drop(x: keras.KerasTensor, rate: float, name: str) -> keras.KerasTensor:
        wanted = dropout == "all" or (dropout == "fc" and name.startswith("fc"))
        return keras.layers.Dropout(rate, name=f"{name}_drop")(x) if wanted else x

    def weights(axis: int | list[int]) -> dict[str, Any]:
        norm = keras.constraints.MaxNorm(max_norm, axis=axis) if max_norm else None
        return {"kernel_initializer": he_gaussian(), "kernel_constraint": norm}

    x = drop(x, 0.1, "image")
    for number, (filters, rate) in enumerate(((96, 0.25), (128, 0.25), (256, 0.5)), start=1):
        x = conv(x, filters, 5, activation="relu", name=f"conv{number}", **weights([0, 1, 2]))
        x = _pool(x, f"pool{number}")  # (B, 16, 16, 96), (B, 8, 8, 128), (B, 4, 4, 256)
        x = drop(x, rate, f"pool{number}")
    x = keras.layers.Flatten(name="flatten")(x)
    for name in ("fc4", "fc5"):
        x = keras.layers.Dense(2048, activation="relu", name=name, **weights(0))(x)
        x = drop(x, 0.5, name)
    return keras.layers.Dense(classes, name="fc6", **weights(0))(x)
