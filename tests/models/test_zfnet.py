from __future__ import annotations

import keras
import numpy as np
import pytest

from kerascnn.errors import UserError
from kerascnn.models.build import build_model

SIZES = {  # parameters and MACs, checked in test_catalog.py
    "zfnet": (62_357_608, 1_168_032_896),
}


def test_parameters_of_the_paper(published, trainable):
    assert trainable(published("zfnet")) == 62_357_608
    assert trainable(published("zfnet", filters=(512, 1024, 512))) == 107_627_624


def test_stage_shapes(published, stages):
    expected = {
        "conv1": (110, 110, 96),
        "pool1": (55, 55, 96),
        "norm1": (55, 55, 96),
        "conv2": (26, 26, 256),
        "pool2": (13, 13, 256),
        "conv3": (13, 13, 384),
        "conv4": (13, 13, 384),
        "conv5": (13, 13, 256),
        "pool5": (6, 6, 256),
        "fc6": (4096,),
        "fc7": (4096,),
        "fc8": (1000,),
    }
    assert stages(published("zfnet"), expected) == expected


@pytest.mark.parametrize("rms", [0.1, None])
def test_filters_are_rescaled_after_a_step(rms):
    model = build_model("zfnet", input_shape=(47, 47, 3), classes=3, dense=(8, 8), rms=rms)
    model.compile(keras.optimizers.SGD(1e-9), "mse")
    kernel = model.get_layer("conv2").kernel
    start = kernel.numpy()
    start[..., 0] = 0.2  # one filter too strong, the others at 0.01
    kernel.assign(start)
    model.train_on_batch(np.zeros((1, 47, 47, 3), np.uint8), np.zeros((1, 3)))
    measured = np.sqrt((kernel.numpy() ** 2).mean((0, 1, 2)))
    assert measured[0] == pytest.approx(rms or 0.2, rel=1e-4)
    assert measured[1:] == pytest.approx(np.sqrt((start[..., 1:] ** 2).mean((0, 1, 2))), rel=1e-4)


def test_images_too_small():
    with pytest.raises(UserError, match="pool5 would get a 1x1 map.*smallest input is 47x47"):
        build_model("zfnet", input_shape=(46, 46, 3), classes=5)


def test_rms_must_be_positive(published):
    with pytest.raises(UserError, match="rms: got 0"):
        published("zfnet", rms=0)
