"""The lecture's exercises, with the lecture's numbers."""

from typing import Any

import pytest

from kerascnn.arithmetic import (
    convolution_cost,
    fully_connected_cost,
    output_size,
    receptive_field,
    same_padding,
)
from kerascnn.errors import UserError


@pytest.mark.parametrize(
    ("size", "kernel", "stride", "padding", "expected"),
    [
        (7, 3, 1, 0, 5),
        (7, 3, 2, 0, 3),
        (7, 3, 1, 1, 7),
        (32, 5, 1, 2, 32),
        (227, 11, 4, 0, 55),
        (224, 11, 4, (0, 3), 55),
    ],
)
def test_output_size(size, kernel, stride, padding, expected):
    assert output_size(size, kernel, stride=stride, padding=padding) == expected


def test_a_stride_that_does_not_divide_does_not_fit():
    with pytest.raises(UserError, match=r"does not fit: 3x3 filter at stride 3.*2\.33.*fit: 1, 2$"):
        output_size(7, 3, stride=3)


def test_rounding_is_keras_or_caffe():
    assert output_size(112, 3, stride=2, rounding="floor") == 55
    assert output_size(112, 3, stride=2, rounding="ceil") == 56


def test_a_filter_larger_than_the_map_does_not_fit():
    with pytest.raises(UserError, match="does not fit: 5x5 filter"):
        output_size(3, 5)
    with pytest.raises(UserError, match="does not fit"):
        output_size(5, 3, dilation=3)  # spans 7 cells


@pytest.mark.parametrize("name", ["stride", "dilation", "padding"])
def test_values_out_of_range(name):
    arguments: dict[str, Any] = {name: -1}
    with pytest.raises(UserError, match=f"{name}: got -1, must be at least"):
        output_size(7, 3, **arguments)


@pytest.mark.parametrize(
    ("size", "kernel", "stride", "expected"),
    [(224, 7, 2, (2, 3)), (56, 3, 2, (0, 1)), (54, 5, 2, (1, 2)), (224, 11, 4, (3, 4))],
)
def test_same_padding_is_not_symmetric_at_stride_two(size, kernel, stride, expected):
    assert same_padding(size, kernel, stride) == expected


def test_convolution_cost():
    assert convolution_cost((32, 32, 10), 5, 3).parameters == 760
    conv1 = convolution_cost((55, 55, 96), 11, 3)
    assert (conv1.parameters, conv1.macs, conv1.activations) == (34_944, 105_415_200, 290_400)
    assert convolution_cost((13, 13, 384), 3, 384, groups=2, bias=False).parameters == 663_552
    with pytest.raises(UserError, match="groups: got 5, must divide 384 channels and 256 filters"):
        convolution_cost((13, 13, 256), 3, 384, groups=5)


def test_what_full_connection_would_cost():
    vgg = fully_connected_cost((224, 224, 3), (224, 224, 64))
    assert vgg.weights == 483_385_147_392
    assert convolution_cost((224, 224, 64), 3, 3).weights == 1_728
    assert fully_connected_cost((32, 32, 3), (28, 28, 6)).weights == 14_450_688
    assert convolution_cost((28, 28, 6), 5, 3).weights == 450


def test_receptive_field_of_a_stack():
    assert receptive_field([(3, 1, 1)] * 3).size == 7
    assert receptive_field([(3, 1, 1, 2)] * 2).size == 9
    lenet = receptive_field([(5, 1, 0), (2, 2, 0), (5, 1, 0), (2, 2, 0), (5, 1, 0)])
    assert (lenet.size, lenet.jump) == (32, 4)
    assert lenet.interval(0) == (0.0, 32.0)
    pool5 = receptive_field(
        [(11, 4, 0), (3, 2, 0), (5, 1, 2), (3, 2, 0), *[(3, 1, 1)] * 3, (3, 2, 0)]
    )
    assert (pool5.size, pool5.jump) == (195, 32)
