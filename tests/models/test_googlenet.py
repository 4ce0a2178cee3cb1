from __future__ import annotations

import numpy as np
import pytest

from kerascnn.errors import UserError
from kerascnn.models.build import build_model

SIZES = {  # parameters and MACs, checked in test_catalog.py
    "googlenet": (13_378_280, 1_582_671_872),
}


@pytest.mark.parametrize(("auxiliary", "parameters"), [(True, 13_378_280), (False, 6_998_552)])
def test_parameters_of_the_paper(published, trainable, auxiliary, parameters):
    assert trainable(published("googlenet", auxiliary=auxiliary)) == parameters


@pytest.mark.parametrize(
    ("module", "parameters"),
    [
        ("inception_3a_", 163_696),
        ("inception_3b_", 388_736),
        ("inception_4a_", 376_176),
        ("inception_4b_", 449_160),
        ("inception_4c_", 510_104),
        ("inception_4d_", 605_376),
        ("inception_4e_", 868_352),
        ("inception_5a_", 1_043_456),
        ("inception_5b_", 1_444_080),
        ("aux1_", 3_188_840),
        ("aux2_", 3_190_888),
    ],
)
def test_parameters_of_the_modules(published, module, parameters):
    layers = published("googlenet").layers
    assert sum(x.count_params() for x in layers if x.name.startswith(module)) == parameters


def test_stage_shapes(published, stages):
    expected = {
        "conv1": (112, 112, 64),
        "pool1": (56, 56, 64),
        "conv2": (56, 56, 192),
        "pool2": (28, 28, 192),
        "inception_3a": (28, 28, 256),
        "inception_3b": (28, 28, 480),
        "pool3": (14, 14, 480),
        "inception_4a": (14, 14, 512),
        "inception_4b": (14, 14, 512),
        "inception_4c": (14, 14, 512),
        "inception_4d": (14, 14, 528),
        "inception_4e": (14, 14, 832),
        "pool4": (7, 7, 832),
        "inception_5a": (7, 7, 832),
        "inception_5b": (7, 7, 1024),
        "pool5": (1024,),
        "aux1_pool": (4, 4, 512),
        "aux2_pool": (4, 4, 528),
    }
    assert stages(published("googlenet"), expected) == expected


def test_outputs():
    images = np.zeros((2, 79, 79, 3), np.uint8)
    outputs = build_model("googlenet", input_shape=(79, 79, 3), classes=5)(images)
    assert list(outputs) == ["logits", "aux1", "aux2"]
    assert {tuple(logits.shape) for logits in outputs.values()} == {(2, 5)}
    model = build_model("googlenet", input_shape=(31, 31, 3), classes=5, auxiliary=False)
    assert model(images[:, :31, :31]).shape == (2, 5)


@pytest.mark.parametrize(
    ("auxiliary", "layer", "smallest"), [(True, "aux1_pool", 79), (False, "pool4", 31)]
)
def test_images_too_small(auxiliary, layer, smallest):
    side = smallest - 1
    with pytest.raises(UserError, match=f"{layer} would get.*smallest input is {smallest}x"):
        build_model("googlenet", input_shape=(side, side, 3), classes=5, auxiliary=auxiliary)
