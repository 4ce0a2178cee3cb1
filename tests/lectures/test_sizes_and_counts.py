"""The lectures' sizes and counts, through the package's arithmetic."""

from __future__ import annotations

import pytest

from kerascnn.arithmetic import convolution_cost, fully_connected_cost, output_size
from kerascnn.errors import UserError


def test_sizes_of_outputs() -> None:
    assert [output_size(7, 3, stride=stride) for stride in (1, 2)] == [5, 3]
    with pytest.raises(UserError, match=r"does not fit: .* gives 2\.33 positions"):
        output_size(7, 3, stride=3)
    assert output_size(7, 3, padding=1) == 7
    for kernel, padding in ((3, 1), (5, 2), (7, 3)):
        assert (kernel - 1) // 2 == padding
        assert output_size(32, kernel, padding=padding) == 32
    assert output_size(32, 5) == 28
    assert output_size(28, 5) == 24


def test_ten_5x5_filters_on_a_32x32x3_image() -> None:
    side = output_size(32, 5, padding=2)
    cost = convolution_cost((side, side, 10), 5, 3)
    assert (side, cost.activations) == (32, 32 * 32 * 10)
    assert cost.parameters == 760
    assert convolution_cost((side, side, 1), 5, 3).parameters == 76


def test_fully_connected_against_convolution() -> None:
    assert fully_connected_cost((32, 32, 3), (28, 28, 6)).weights == 14_450_688
    cost = convolution_cost((28, 28, 6), 5, 3)
    assert (cost.weights, cost.parameters) == (450, 456)


def test_the_first_layer_of_vgg() -> None:
    dense = fully_connected_cost((224, 224, 3), (224, 224, 64)).weights
    assert dense == (224 * 224 * 3) * (224 * 224 * 64) == 483_385_147_392
    assert convolution_cost((224, 224, 64), 3, 3).weights == 1_728


def test_local_and_full_connections() -> None:
    side = output_size(200, 10)
    assert convolution_cost((side, side, 100), 10, 1).weights == 10_000
    assert fully_connected_cost((1000, 1000), (10**6,)).weights == 10**12
