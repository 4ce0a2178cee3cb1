from __future__ import annotations

import keras
import numpy as np
import pytest

from kerascnn.errors import UserError
from kerascnn.models.blocks import DoesNotFitError, conv, pool


@pytest.fixture
def maps():
    return keras.Input((6, 5, 4))


@pytest.mark.parametrize(
    ("padding", "strides", "shape"),
    [
        ("same", 1, (6, 5)),
        ("same", 2, (3, 3)),
        ("valid", 1, (4, 3)),
        (0, 1, (4, 3)),
        (1, 1, (6, 5)),
        (1, 2, (3, 3)),
        (2, 1, (8, 7)),
    ],
)
def test_conv_padding(maps, padding, strides, shape):
    assert conv(maps, 2, 3, padding=padding, strides=strides, name="c").shape[1:3] == shape


def test_conv_pads_alike_on_all_sides():
    inputs = keras.Input((4, 4, 1))
    model = keras.Model(inputs, conv(inputs, 1, 3, strides=2, padding=1, name="c"))
    model.get_layer("c").set_weights([np.ones((3, 3, 1, 1)), np.zeros(1)])
    # windows start at -1 and 1: the first ones have 2 cells in the map, the second 3
    np.testing.assert_array_equal(model(np.ones((1, 4, 4, 1)))[0, ..., 0], [[4, 6], [6, 9]])


@pytest.mark.parametrize(
    ("padding", "shape"), [("valid", (2, 2)), ("same", (3, 3)), ("ceil", (3, 2))]
)
@pytest.mark.parametrize("kind", ["max", "average"])
def test_pool_padding(maps, padding, shape, kind):
    pooled = pool(maps, 3, strides=2, padding=padding, kind=kind, name="p")
    assert pooled.shape == (None, *shape, 4)


@pytest.mark.parametrize("groups", [3, 8])
def test_groups_must_divide(maps, groups):
    with pytest.raises(UserError, match=f"groups: got {groups} for c, must divide its 4 input"):
        conv(maps, 6, 3, groups=groups, name="c")


@pytest.mark.parametrize("padding", ["valid", 0])
def test_conv_does_not_fit(maps, padding):
    with pytest.raises(DoesNotFitError, match="c would get a 6x5 map, smaller than its 7x7"):
        conv(maps, 2, 7, padding=padding, name="c")


@pytest.mark.parametrize(("padding", "size"), [("valid", 6), ("ceil", 7)])
def test_pool_does_not_fit(maps, padding, size):
    with pytest.raises(DoesNotFitError, match=f"p would get a 6x5 map, smaller than its {size}x"):
        pool(maps, size, strides=2, padding=padding, name="p")


def test_a_ceil_window_may_hang_over_by_less_than_its_stride():
    assert pool(keras.Input((2, 2, 1)), 3, strides=2, padding="ceil", name="p").shape[1] == 1
