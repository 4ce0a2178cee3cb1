"""What single layers are, cost and look at."""

from __future__ import annotations

import numpy as np
import pytest

from kerascnn import layers
from kerascnn.arithmetic.formulas import ReceptiveField
from kerascnn.arithmetic.layers import (
    Window,
    is_pointwise,
    is_sliding,
    kernels_of,
    kind,
    macs_of,
    see,
    size_of,
    window_of,
)
from kerascnn.backend import keras

own = keras.layers


def _shapes(layer, *shape: int) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Builds a layer and returns its input's and its output's shape, without the batch."""
    return shape, tuple(layer(keras.Input(shape)).shape[1:])


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: own.Conv2D(2, 3), "conv"),
        (lambda: own.SeparableConv2D(2, 3), "separable conv"),
        (lambda: own.DepthwiseConv2D(3), "depthwise conv"),
        (lambda: own.Dense(2), "fc"),
        (lambda: own.MaxPooling2D(), "max pool"),
        (lambda: own.GlobalAveragePooling2D(), "global average pool"),
        (lambda: own.BatchNormalization(), "bn"),
        (lambda: own.Concatenate(), "concat"),
        (lambda: own.Add(), "add"),
        (lambda: own.ZeroPadding2D(1), "zero padding"),
        (
            lambda: own.ZeroPadding2D(((0, 0), (0, 3)), data_format="channels_first"),
            "pad channels",
        ),
        (lambda: layers.LRN(), "LRN"),
        (lambda: layers.CeilMaxPooling2D(2), "ceil max pool"),
        (lambda: layers.LocallyConnected2D(2, 3), "local"),
    ],
)
def test_kinds_are_the_papers_words(make, words: str) -> None:
    assert kind(make()) == words


@pytest.mark.parametrize(
    ("window", "text"),
    [
        (Window(), "1x1"),
        (Window((3, 3), (2, 2)), "3x3/2"),
        (Window((5, 3), (2, 1)), "5x3/2x1"),
        (Window((3, 3), dilation=(2, 2)), "3x3"),
    ],
)
def test_windows_are_written_as_in_the_papers(window: Window, text: str) -> None:
    assert str(window) == text


@pytest.mark.parametrize(
    ("make", "shape", "window"),
    [
        (lambda: own.Conv2D(2, 3), (8, 8, 3), Window((3, 3))),
        (lambda: own.Conv2D(2, 3, padding="same"), (8, 8, 3), Window((3, 3), before=(1, 1))),
        # Keras pads 224 pixels at stride 2 by (0, 1), as 111 * 2 + 3 - 224 = 1.
        (
            lambda: own.Conv2D(2, 3, strides=2, padding="same"),
            (224, 224, 3),
            Window((3, 3), (2, 2), (0, 0)),
        ),
        (
            lambda: own.Conv2D(2, (1, 5), padding="same", dilation_rate=(1, 2)),
            (8, 8, 3),
            Window((1, 5), before=(0, 4), dilation=(1, 2)),
        ),
        (lambda: own.MaxPooling2D(3, 2), (9, 9, 3), Window((3, 3), (2, 2))),
        (lambda: own.ZeroPadding2D(((1, 2), (3, 4))), (8, 8, 3), Window(before=(1, 3))),
        (lambda: own.Flatten(), (6, 7, 3), Window((6, 7))),
        (lambda: own.GlobalAveragePooling2D(), (6, 7, 3), Window((6, 7))),
        (lambda: own.ReLU(), (6, 7, 3), Window()),
        (lambda: own.Dense(3), (5,), Window()),
    ],
)
def test_what_an_output_looks_at(make, shape: tuple[int, ...], window: Window) -> None:
    layer = make()
    assert window_of(layer, *_shapes(layer, *shape)) == window


def test_a_slice_is_a_stride() -> None:
    assert window_of(object(), (8, 9, 3), (4, 3, 3)) == Window(strides=(2, 3))


@pytest.mark.parametrize("padding", ["same", "valid"])
@pytest.mark.parametrize(("strides", "dilation"), [(1, 1), (2, 1), (1, 2)])
def test_receptive_fields_are_where_the_gradient_is(strides, padding, dilation) -> None:
    arguments = {"strides": strides, "padding": padding, "dilation_rate": dilation}
    layer = own.Conv2D(1, 3, kernel_initializer="ones", **arguments)
    vertical, horizontal = see(
        (ReceptiveField(), ReceptiveField()), window_of(layer, *_shapes(layer, 16, 16, 1))
    )
    maps = np.zeros((16, 16, 16, 1), np.float32)
    maps[range(16), range(16)] = 1  # a row of ones in each image
    seen = np.asarray(layer(maps))[:, :, 4, 0] > 0  # (row of ones, output row)
    inner = np.flatnonzero(seen[:, 4])
    assert vertical.size == horizontal.size == np.ptp(inner) + 1 == 1 + 2 * dilation
    assert vertical.jump == strides
    before = {"same": 1 if strides == 1 else 0, "valid": 0}[padding] * dilation
    assert inner[0] == 4 * strides - before
    assert vertical.start == pytest.approx(0.5 + dilation - before)


def test_costs_of_layers_by_their_definitions() -> None:
    def cost(layer, *shape: int) -> tuple[int, int]:
        shapes = _shapes(layer, *shape)
        return size_of(kernels_of(layer)), macs_of(layer, *shapes)

    assert cost(own.Conv2D(5, 3), 8, 8, 4) == (3 * 3 * 4 * 5, 6 * 6 * 3 * 3 * 4 * 5)
    assert cost(own.Conv2D(6, 3, groups=2, padding="same"), 8, 8, 4) == (
        3 * 3 * 2 * 6, 64 * 3 * 3 * 2 * 6
    )  # fmt: skip
    assert cost(own.Dense(7), 5) == (35, 35)
    assert cost(own.MaxPooling2D(), 8, 8, 4) == (0, 0)
    assert cost(own.BatchNormalization(), 8, 8, 4) == (0, 0)


def test_a_layer_may_tell_its_own_cost() -> None:
    class Costly(keras.layers.Layer):
        def macs(self, input_shape: tuple[int, ...]) -> int:
            return 10 * input_shape[0]

    assert macs_of(Costly(), (8, 8, 3), (8, 8, 3)) == 80
    assert not is_pointwise(Costly(), (8, 8, 3), (8, 8, 3))


@pytest.mark.parametrize(
    ("make", "pointwise"),
    [
        (own.ReLU, True),
        (own.BatchNormalization, True),
        (lambda: own.Dropout(0.5), True),
        (own.Flatten, True),
        (lambda: own.ZeroPadding2D(1), True),
        (layers.LRN, False),
        (layers.LCN, False),
        (lambda: own.Conv2D(3, 1), False),
        (lambda: own.MaxPooling2D(3, 1, "same"), False),
        (own.GlobalMaxPooling2D, False),
    ],
)
def test_which_layers_have_no_row_of_their_own(make, pointwise: bool) -> None:
    layer = make()
    assert is_pointwise(layer, *_shapes(layer, 8, 8, 3)) == pointwise


def test_which_layers_slide() -> None:
    assert is_sliding(own.Conv2D(2, 3))
    assert is_sliding(own.AveragePooling2D(2))
    assert not is_sliding(own.Dense(2))
    assert not is_sliding(own.GlobalAveragePooling2D())
