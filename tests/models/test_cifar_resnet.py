from __future__ import annotations

import numpy as np
import pytest

from kerascnn.models.build import build_model

SIZES = {  # parameters and MACs, checked in test_catalog.py
    "cifar-resnet20": (269_722, 40_551_040),
    "cifar-resnet32": (464_154, 68_862_592),
    "cifar-resnet44": (658_586, 97_174_144),
    "cifar-resnet56": (853_018, 125_485_696),
    "cifar-resnet110": (1_727_962, 252_887_680),
    "cifar-resnet1202": (19_421_274, 2_829_238_912),
    "cifar-plain20": (269_722, 40_551_040),
    "cifar-plain32": (464_154, 68_862_592),
    "cifar-plain44": (658_586, 97_174_144),
    "cifar-plain56": (853_018, 125_485_696),
    "cifar-plain110": (1_727_962, 252_887_680),
}

OPTION_A = {
    20: (269_722, 271_098),
    32: (464_154, 466_426),
    44: (658_586, 661_754),
    56: (853_018, 857_082),
    110: (1_727_962, 1_736_058),
}


@pytest.mark.parametrize("depth", OPTION_A)
@pytest.mark.parametrize("kind", ["resnet", "plain"])
def test_parameters_of_the_paper(published, trainable, depth, kind):
    model = published(f"cifar-{kind}{depth}")
    assert (trainable(model), model.count_params()) == OPTION_A[depth]


@pytest.mark.ci
def test_1202_layers(published, trainable):
    model = published("cifar-resnet1202")
    assert (trainable(model), model.count_params()) == (19_421_274, 19_510_906)


@pytest.mark.parametrize("depth", [20, 110])
def test_option_b_and_100_classes(published, trainable, depth):
    parameters, total = OPTION_A[depth]
    model = published(f"cifar-resnet{depth}", shortcut="B")
    assert (trainable(model), model.count_params()) == (parameters + 2_752, total + 2_944)
    assert trainable(published(f"cifar-resnet{depth}", classes=100)) == parameters + 5_850


@pytest.mark.parametrize("name", ["cifar-resnet20", "cifar-plain20"])
def test_stage_shapes(published, stages, name):
    expected = {
        "conv1": (32, 32, 16),
        "conv2_3_relu": (32, 32, 16),
        "conv3_3_relu": (16, 16, 32),
        "conv4_3_relu": (8, 8, 64),
        "pool": (64,),
    }
    assert stages(published(name), expected) == expected


@pytest.mark.parametrize("depth", [20, 32, 44, 56, 110])
def test_depth_counts_the_weight_layers(published, depth):
    model = published(f"cifar-resnet{depth}")
    assert sum(hasattr(layer, "kernel") for layer in model.layers) == depth


@pytest.mark.parametrize("shape", [(1, 1, 1), (28, 28, 1), (45, 37, 3)])
def test_any_size(shape):
    model = build_model("cifar-resnet20", input_shape=shape, classes=7, filters=2)
    assert np.isfinite(model(np.zeros((2, *shape), np.uint8))).all()
