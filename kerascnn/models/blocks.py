"""What several families build with: convolutions and pooling that say so when they do not fit."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Literal

from kerascnn import layers
from kerascnn.backend import keras
from kerascnn.errors import UserError


class DoesNotFitError(UserError):
    """A layer would get a feature map smaller than its window."""

    def __init__(self, layer: str, size: tuple[int, int], window: tuple[int, int]):
        self.layer = layer
        self.size = size
        super().__init__(
            f"{layer} would get a {size[0]}x{size[1]} map, "
            f"smaller than its {window[0]}x{window[1]} window"
        )


def check_fits(x: keras.KerasTensor, window: int | tuple[int, int], name: str) -> None:
    """Raises unless a window without padding fits into the feature map.

    Args:
        x: Feature maps (B, H, W, C).
        window: Kernel or pool size in cells.
        name: The name of the layer, for the message.

    Raises:
        DoesNotFitError: If the map is smaller than the window.
    """
    size = (x.shape[1], x.shape[2])
    window = (window, window) if isinstance(window, int) else window
    if size[0] < window[0] or size[1] < window[1]:
        raise DoesNotFitError(name, size, window)


def activate(x: keras.KerasTensor, activation: str, *, name: str) -> keras.KerasTensor:
    """An `Activation` layer after normalization or a sum.

    Args:
        x: Anything.
        activation: One of Keras's, by name.
        name: The name of the layer.
    """
    return keras.layers.Activation(activation, name=name)(x)


def conv(
    x: keras.KerasTensor,
    filters: int,
    kernel: int,
    *,
    name: str,
    strides: int = 1,
    padding: Literal["valid", "same"] | int = "same",
    groups: int = 1,
    **arguments: Any,
) -> keras.KerasTensor:
    """A `Conv2D` that names itself when its input does not suit it.

    Args:
        x: Feature maps (B, H, W, C).
        filters: Number of output maps.
        kernel: Side of the window.
        name: The name of the layer.
        strides: The strides of the window.
        padding: As in Keras, or the number of zeros on each of the four sides. Keras's "same" is
            not symmetric where strides are over 1, as most papers are.
        groups: Input and output maps are split into as many parts, connected one to one.
        **arguments: Further ones of `Conv2D`.

    Raises:
        DoesNotFitError: If the map is smaller than the window.
        UserError: If the groups do not divide the channels or the filters.
    """
    if x.shape[-1] % groups or filters % groups:
        raise UserError(
            f"groups: got {groups} for {name}, "
            f"must divide its {x.shape[-1]} input channels and its {filters} filters"
        )
    if isinstance(padding, int):
        if strides == 1 and kernel == 2 * padding + 1:
            padding = "same"  # the very same cells, one layer less
        else:
            if padding:
                x = keras.layers.ZeroPadding2D(padding, name=f"{name}_pad")(x)
            padding = "valid"
    if padding == "valid":
        check_fits(x, kernel, name)
    return keras.layers.Conv2D(
        filters, kernel, strides=strides, padding=padding, groups=groups, name=name, **arguments
    )(x)


def batch_norm(x: keras.KerasTensor, *, name: str) -> keras.KerasTensor:
    """Batch normalization with the constants of the reference codes of 2015 (Keras's differ)."""
    return keras.layers.BatchNormalization(momentum=0.9, epsilon=1e-5, name=name)(x)


def conv_bn(
    x: keras.KerasTensor,
    filters: int,
    kernel: int,
    *,
    name: str,
    activation: str | None = "relu",
    **arguments: Any,
) -> keras.KerasTensor:
    """A convolution without bias, batch normalization, then the activation if there is one."""
    x = conv(x, filters, kernel, use_bias=False, name=name, **arguments)
    x = batch_norm(x, name=f"{name}_bn")
    if activation is None:
        return x
    return activate(x, activation, name=f"{name}_{activation}")


def pool(
    x: keras.KerasTensor,
    size: int = 2,
    *,
    name: str,
    strides: int | None = None,
    kind: Literal["max", "average"] = "max",
    padding: Literal["valid", "same", "ceil"] = "valid",
) -> keras.KerasTensor:
    """Max or average pooling, which names itself when it does not fit.

    Args:
        x: Feature maps (B, H, W, C).
        size: Side of the window.
        name: The name of the layer.
        strides: The strides of the window; `size` if None.
        kind: "max" or "average" of the window.
        padding: As in Keras, or "ceil": a last window that hangs over the edge counts too, as in
            Caffe and cuda-convnet.

    Raises:
        DoesNotFitError: If the map is smaller than the window.
    """
    strides = strides or size
    if padding == "ceil":
        # The last window must start inside the map, so it may hang over by strides - 1 cells.
        if min(x.shape[1], x.shape[2]) < size - strides + 1:
            check_fits(x, size, name)
        if not all(_hangs_over_as_same(side, size, strides) for side in x.shape[1:3]):
            ceil = layers.CeilMaxPooling2D if kind == "max" else layers.CeilAveragePooling2D
            return ceil(size, strides=strides, name=name)(x)
        padding = "same"  # the very same windows, of a layer that Keras has
    if padding == "valid":
        check_fits(x, size, name)
    layer = keras.layers.MaxPooling2D if kind == "max" else keras.layers.AveragePooling2D
    return layer(size, strides=strides, padding=padding, name=name)(x)


def _hangs_over_as_same(side: int, window: int, stride: int) -> bool:
    """Whether pooling with "same" has the windows of ceil mode: none before the first cell."""
    hanging = (window - side) % stride
    windows = -(-side // stride)  # of "same"
    return hanging <= 1 and (windows - 1) * stride + window == side + hanging


def conv_gaussian(
    x: keras.KerasTensor,
    filters: int,
    kernel: int,
    *,
    name: str,
    std: float = 0.01,
    bias: float = 0.0,
    **arguments: Any,
) -> keras.KerasTensor:
    """A convolution with ReLU as started in 2012: weights N(0, std^2), biases constant."""
    return conv(
        x,
        filters,
        kernel,
        activation="relu",
        kernel_initializer=gaussian(std),
        bias_initializer=keras.initializers.Constant(bias),
        name=name,
        **arguments,
    )


def fully_connected(
    x: keras.KerasTensor,
    hidden: Mapping[str, int],
    classes: Mapping[str, int],
    *,
    dropout: float,
    initializer: Callable[[], keras.initializers.Initializer],
    bias: float = 0.0,
) -> keras.KerasTensor:
    """The end of the networks of 2012 to 2014: hidden layers on the flattened maps, then logits.

    Args:
        x: Feature maps (B, H, W, C).
        hidden: Names and units of the hidden layers, each with ReLU and then dropout.
        classes: Name and units of the last layer.
        dropout: Rate.
        initializer: Makes the starting weights of one layer.
        bias: Start of the hidden layers' biases.
    """
    x = keras.layers.Flatten(name="flatten")(x)
    for name, units in hidden.items():
        x = keras.layers.Dense(
            units,
            activation="relu",
            kernel_initializer=initializer(),
            bias_initializer=keras.initializers.Constant(bias),
            name=name,
        )(x)
        if dropout:
            x = keras.layers.Dropout(dropout, name=f"{name}_drop")(x)
    ((name, units),) = classes.items()
    return keras.layers.Dense(units, kernel_initializer=initializer(), name=name)(x)


def gaussian(std: float = 0.01) -> keras.initializers.Initializer:
    """Starting weights of the years before Glorot and He: N(0, std^2)."""
    return keras.initializers.RandomNormal(stddev=std)


def he_gaussian(slope: float = 0.0) -> keras.initializers.Initializer:
    """Starting weights of He et al. 2015: N(0, 2 / ((1 + slope^2) fan_in)), not truncated.

    Args:
        slope: The slope of the rectifier for negative inputs.
    """
    return keras.initializers.VarianceScaling(
        2 / (1 + slope**2), mode="fan_in", distribution="untruncated_normal"
    )
