"""A temperature at the end of a network, so that whoever uses it gets calibrated probabilities."""

from __future__ import annotations

from kerascnn.backend import keras

_NAME = "temperature"


def with_temperature(model: keras.Model, temperature: float) -> keras.Model:
    """Returns a model that shares another's weights and divides its logits by a temperature.

    One that the model has already is multiplied with it.

    Args:
        model: From images to logits (B, classes).
        temperature: Positive.
    """
    last = model.layers[-1]
    logits = model.outputs[0]
    if last.name == _NAME:
        temperature /= last.scale
        logits = last.input
    scaled = keras.layers.Rescaling(1 / temperature, dtype="float32", name=_NAME)(logits)
    return keras.Model(model.input, scaled, name=model.name)
