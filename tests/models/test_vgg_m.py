from __future__ import annotations

import numpy as np
import pytest

from kerascnn.errors import UserError
from kerascnn.models.build import build_model

SIZES = {  # parameters and MACs, checked in test_catalog.py
    "vgg-m": (102_908_520, 1_676_172_320),
}


@pytest.mark.parametrize(
    ("width", "parameters"),
    [(4096, 102_908_520), (2048, 92_469_864), (1024, 87_250_536), (128, 82_683_624)],
)
def test_parameters_of_the_paper(published, trainable, width, parameters):
    assert trainable(published("vgg-m", dense=(4096, width))) == parameters


def test_stage_shapes(published, stages):
    expected = {
        "conv1": (109, 109, 96),
        "norm1": (109, 109, 96),
        "pool1": (54, 54, 96),
        "conv2": (26, 26, 256),
        "pool2": (13, 13, 256),
        "conv3": (13, 13, 512),
        "conv4": (13, 13, 512),
        "conv5": (13, 13, 512),
        "pool5": (6, 6, 512),
        "full6": (4096,),
        "full7": (4096,),
        "full8": (1000,),
    }
    assert stages(published("vgg-m"), expected) == expected


def test_starting_weights():
    model = build_model("vgg-m", input_shape=(41, 41, 3), classes=5, dense=(8, 8))
    assert model.get_layer("conv4").kernel.numpy().std() == pytest.approx(0.01, rel=0.01)
    assert not any(np.any(weight) for weight in model.weights if weight.name == "bias")


def test_images_too_small():
    with pytest.raises(UserError, match="pool5 would get a 1x1 map.*smallest input is 41x41"):
        build_model("vgg-m", input_shape=(40, 40, 3), classes=5)
