"""Fully connected networks: the first rows of LeCun's MNIST table."""

from __future__ import annotations

from kerascnn.backend import keras
from kerascnn.models.registry import Activation, Rate, Widths, register_model

_LECUN = "LeCun et al., Gradient-Based Learning Applied to Document Recognition"

# Hidden layers of the networks in the table (section III-C).
_HIDDEN = {
    "mlp": (300,),
    "mlp-300": (300,),
    "mlp-1000": (1000,),
    "mlp-300-100": (300, 100),
    "mlp-500-150": (500, 150),
    "linear": (),
}


def mlp(
    x: keras.KerasTensor,
    classes: int,
    *,
    hidden: Widths = (300,),
    activation: Activation = "relu",
    dropout: Rate = 0.0,
) -> keras.KerasTensor:
    """Hidden layers of the given widths, then one logit per class.

    Args:
        x: Images (B, H, W, C), float.
        classes: Number of classes.
        hidden: Units of each hidden layer; none makes a linear classifier.
        activation: The activation of the hidden layers, by Keras's name.
        dropout: After each hidden layer.
    """
    x = keras.layers.Flatten(name="flatten")(x)
    for index, units in enumerate(hidden, start=1):
        x = keras.layers.Dense(units, activation=activation, name=f"fc{index}")(x)
        if dropout:
            x = keras.layers.Dropout(dropout, name=f"drop{index}")(x)
    return keras.layers.Dense(classes, name=f"fc{len(hidden) + 1}")(x)


for _name, _hidden in _HIDDEN.items():
    register_model(
        _name,
        family="mnist",
        year=1998,
        paper=_LECUN,
        input_shape=(28, 28, 1),
        classes=10,
        hidden=_hidden,
    )(mlp)
