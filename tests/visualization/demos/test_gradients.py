"""Gradients of deep networks before training."""

from __future__ import annotations

import numpy as np
import pytest

from kerascnn.errors import UserError
from kerascnn.visualization.demos.gradients import GradientsDemo
from kerascnn.visualization.writing import png_of


def test_the_sigmoid_and_plain_networks_lose_what_others_keep() -> None:
    demo = GradientsDemo(depth=8, width=30, batch=16, networks=("cifar-plain20", "cifar-resnet20"))
    picture = demo.picture()
    left = {
        name: sizes[0] / sizes[-2]
        for name, sizes in picture.arrays.items()
        if name.endswith("_activations")
    }
    assert left["sigmoid_activations"] < 0.25**7 < 0.01 < left["tanh_activations"]
    assert left["sigmoid_activations"] < left["relu_activations"]
    # With batch norm the gradient of a plain network grows towards the input, layer by layer.
    assert left["cifar-plain20_activations"] > 1.5 * left["cifar-resnet20_activations"]
    assert len(picture.arrays["cifar-plain20_weights"]) == 20
    dense, deep = picture.figure.axes
    assert [np.size(line.get_xdata()) for line in dense.get_lines()] == [8, 8, 8]
    assert [np.size(line.get_xdata()) for line in deep.get_lines()] == [19, 19]
    assert len(picture.lines) == 5
    assert png_of(picture.figure)


def test_a_network_that_does_not_exist() -> None:
    with pytest.raises(UserError, match="unknown model 'resnet-56'"):
        GradientsDemo(depth=2, width=2, networks=("resnet-56",)).picture()
