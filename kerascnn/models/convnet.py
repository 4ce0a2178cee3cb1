"""The general pattern {(CONV + ReLU) * N + POOL} * M + {FC + ReLU} * K + softmax."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from kerascnn.backend import keras
from kerascnn.errors import UserError
from kerascnn.models.blocks import DoesNotFitError, activate, conv, pool
from kerascnn.models.blocks import batch_norm as normalize
from kerascnn.models.registry import Activation, Count, Rate, Widths, register_model


@register_model(
    "convnet",
    family="general",
    year=2013,
    paper="the general pattern of the lectures on CNNs",
    input_shape=(32, 32, 3),
    classes=10,
)
def convnet(
    x: keras.KerasTensor,
    classes: int,
    *,
    stages: Annotated[int, Field(ge=1, le=8)] = 2,
    convolutions: Annotated[int, Field(ge=1, le=8)] = 2,
    filters: Count = 32,
    growth: Annotated[float, Field(ge=1, le=4)] = 2.0,
    kernel: Annotated[int, Field(ge=1, le=15)] = 3,
    pooling: Literal["max", "average"] = "max",
    activation: Activation = "relu",
    batch_norm: bool = False,
    dense: Widths = (128,),
    input_dropout: Rate = 0.0,
    dropout: Rate = 0.0,
    dense_dropout: Rate = 0.5,
    l2: Annotated[float, Field(ge=0)] = 0.0,
) -> keras.KerasTensor:
    """Stages of convolutions that each end in pooling, then fully connected layers.

    Args:
        x: Images (B, H, W, C), float.
        classes: Number of classes.
        stages: M, the number of times the feature map is halved.
        convolutions: N, convolutions in each stage.
        filters: In the first stage.
        growth: Factor from one stage's filters to the next one's.
        kernel: Side of the convolutions, which keep the size of the map.
        pooling: 2x2, stride 2.
        activation: After each convolution and hidden dense layer.
        batch_norm: Between each convolution and its activation.
        dense: Widths of the K hidden fully connected layers.
        input_dropout: The dropout rate of the pixels.
        dropout: After each stage's pooling.
        dense_dropout: After each hidden fully connected layer.
        l2: Weight decay as in the papers, l2 / 2 * ||w||^2 per kernel (Keras's L2 has no 1/2).

    Raises:
        UserError: If there are more stages than the input can be halved.
    """
    regularizer = keras.regularizers.L2(l2 / 2) if l2 else None
    height, width = x.shape[1:3]
    if input_dropout:
        x = keras.layers.Dropout(input_dropout, name="image_drop")(x)
    for stage in range(1, stages + 1):
        for index in range(1, convolutions + 1):
            name = f"conv{stage}_{index}"
            x = conv(
                x,
                round(filters * growth ** (stage - 1)),
                kernel,
                use_bias=not batch_norm,
                kernel_regularizer=regularizer,
                name=name,
            )
            if batch_norm:
                x = normalize(x, name=f"{name}_bn")
            x = activate(x, activation, name=f"{name}_{activation}")
        try:
            x = pool(x, kind=pooling, name=f"pool{stage}")
        except DoesNotFitError as error:
            raise UserError(
                f"{error.layer} would get a {error.size[0]}x{error.size[1]} map: "
                f"use at most {stage - 1} stages for {height}x{width} input"
            ) from None
        if dropout:
            x = keras.layers.Dropout(dropout, name=f"drop{stage}")(x)
    x = keras.layers.Flatten(name="flatten")(x)
    for index, units in enumerate(dense, start=1):
        x = keras.layers.Dense(
            units, activation=activation, kernel_regularizer=regularizer, name=f"fc{index}"
        )(x)
        if dense_dropout:
            x = keras.layers.Dropout(dense_dropout, name=f"fc{index}_drop")(x)
    return keras.layers.Dense(classes, kernel_regularizer=regularizer, name=f"fc{len(dense) + 1}")(
        x
    )
