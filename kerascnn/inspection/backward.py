"""Networks that compute the same, but pass other signals back than the derivatives."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal, get_args

from kerascnn.backend import keras, tf
from kerascnn.inspection.layers import from_floats
from kerascnn.layers import LRN

Rule = Literal["gradient", "deconvnet", "guided", "redirected"]
RULES: tuple[Rule, ...] = get_args(Rule)


def rectifiers(model: keras.Model) -> list[str]:
    """Returns the names of the layers that end in a ReLU, the only ones that rules differ in."""
    return [layer.name for layer in model.layers if _is_relu(layer) or _ends_in_relu(layer)]


def with_backward(model: keras.Model, rule: Rule, *, linear: str | None = None) -> keras.Model:
    """Returns a copy of a network, of float pixels, in which a rule says what a ReLU passes back.

    With R the signal from above, and x what the ReLU saw on the way up:
    gradient: R where x > 0, the derivative (Simonyan et al. 2013).
    deconvnet: R where R > 0, whatever x was (Zeiler & Fergus 2014, section 2.1); local response
    normalisation passes back what it gets, as there.
    guided: R where both are positive (Springenberg et al. 2014, figure 1).
    redirected: R where one of them is, so that a ReLU that is off can be switched on by going up
    (Olah et al. 2017).

    All other layers, other activations among them, pass back derivatives: convolutions by their
    transposed filters, max pooling to where the maximum came from.

    Args:
        model: Functional, from uint8 images (B, H, W, C) to logits.
        rule: Of the ReLUs.
        linear: Name of a layer that computes without the ReLU that it may end in.

    Returns:
        As `from_floats` does.
    """
    function = _relu(rule)

    def change(layer: keras.Layer) -> keras.Layer:
        own = keras.activations.linear if layer.name == linear else function
        if _ends_in_relu(layer):
            layer.activation = own
        elif _is_relu(layer):
            return keras.layers.Activation(own, name=layer.name)
        elif rule == "deconvnet" and isinstance(layer, LRN):
            return keras.layers.Lambda(_passing_back(layer), name=layer.name)
        return layer

    return from_floats(model, change)


def _ends_in_relu(layer: Any) -> bool:
    return getattr(layer, "activation", None) is keras.activations.relu


def _is_relu(layer: Any) -> bool:
    plain = (0.0, None, 0.0)
    return isinstance(layer, keras.layers.ReLU) and plain == (
        layer.negative_slope,
        layer.max_value,
        layer.threshold,
    )


def _relu(rule: Rule) -> Callable[[Any], tf.Tensor]:
    def relu(x: tf.Tensor) -> tuple[tf.Tensor, Any]:
        value = tf.nn.relu(x)

        def back(signal: tf.Tensor) -> tf.Tensor:
            up, on = signal > 0, value > 0
            passing = {"gradient": on, "deconvnet": up, "guided": on & up, "redirected": on | up}
            return tf.where(passing[rule], signal, 0)

        return value, back

    return _on_tensors(relu)


def _passing_back(layer: keras.Layer) -> Callable[[Any], tf.Tensor]:
    return _on_tensors(lambda x: (layer(x), lambda signal: signal))


def _on_tensors(function: Callable[[tf.Tensor], tuple[tf.Tensor, Any]]) -> Callable[[Any], Any]:
    """Returns a function that gives its value and its gradient, as one for a layer to call."""
    with_gradient = tf.custom_gradient(function)
    return lambda x: with_gradient(tf.convert_to_tensor(x))
