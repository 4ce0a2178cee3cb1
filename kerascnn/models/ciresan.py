"""A column of the committees of Ciresan et al. 2012."""

from __future__ import annotations

from kerascnn import layers
from kerascnn.backend import keras
from kerascnn.models.blocks import conv, pool
from kerascnn.models.registry import register_model


@register_model(
    "ciresan2012",
    family="mnist",
    year=2012,
    paper="Ciresan et al., Multi-column Deep Neural Networks for Image Classification",
    input_shape=(29, 29, 1),
    classes=10,
)
def ciresan2012(x: keras.KerasTensor, classes: int) -> keras.KerasTensor:
    """One column for MNIST, 1x29x29-20C4-MP2-40C5-MP3-150N-10N: 76,040 parameters at 29x29x1.

    Every hidden layer is squashed by 1.7159 tanh(2x/3); weights start uniform in [-0.05, 0.05].

    Args:
        x: Images (B, H, W, C), float; at least 17x17.
        classes: Number of classes.

    Raises:
        DoesNotFitError: If the images are too small.
    """

    def start() -> keras.initializers.Initializer:
        return keras.initializers.RandomUniform(-0.05, 0.05)

    def squashed(x: keras.KerasTensor, filters: int, kernel: int, name: str) -> keras.KerasTensor:
        return conv(
            x,
            filters,
            kernel,
            padding="valid",
            activation=layers.scaled_tanh,
            kernel_initializer=start(),
            name=name,
        )

    x = squashed(x, 20, 4, "conv1")  # (B, 26, 26, 20)
    x = pool(x, name="pool1")  # (B, 13, 13, 20)
    x = squashed(x, 40, 5, "conv2")  # (B, 9, 9, 40)
    x = pool(x, 3, name="pool2")  # (B, 3, 3, 40)
    x = keras.layers.Flatten(name="flatten")(x)
    x = keras.layers.Dense(
        150, activation=layers.scaled_tanh, kernel_initializer=start(), name="fc3"
    )(x)
    return keras.layers.Dense(classes, kernel_initializer=start(), name="fc4")(x)
