from __future__ import annotations

import numpy as np
import pytest

from kerascnn.models.build import build_model

SIZES = {  # parameters and MACs, checked in test_catalog.py
    "bn-inception": (11_285_224, 2_032_600_064),
}


@pytest.mark.parametrize(
    ("strict_output", "parameters", "total"),
    [(False, 11_285_224, 11_305_256), (True, 11_194_984, 11_214_888)],
)
def test_parameters_of_both_readings(published, trainable, strict_output, parameters, total):
    model = published("bn-inception", strict_output=strict_output)
    assert (trainable(model), model.count_params()) == (parameters, total)


@pytest.mark.parametrize(("strict_output", "maps"), [(False, (608, 1056)), (True, (576, 1024))])
def test_stage_shapes(published, stages, strict_output, maps):
    expected = {
        "conv1": (112, 112, 64),
        "pool1": (56, 56, 64),
        "conv2": (56, 56, 192),
        "pool2": (28, 28, 192),
        "inception_3a": (28, 28, 256),
        "inception_3b": (28, 28, 320),
        "inception_3c": (14, 14, 576),
        "inception_4a": (14, 14, 576),
        "inception_4b": (14, 14, 576),
        "inception_4c": (14, 14, maps[0]),
        "inception_4d": (14, 14, maps[0]),
        "inception_4e": (7, 7, maps[1]),
        "inception_5a": (7, 7, 1024),
        "inception_5b": (7, 7, 1024),
        "pool5": (1024,),
    }
    assert stages(published("bn-inception", strict_output=strict_output), expected) == expected


@pytest.mark.parametrize("shape", [(7, 7, 3), (112, 90, 1)])
def test_branches_agree_at_odd_sizes(shape):
    model = build_model("bn-inception", input_shape=shape, classes=5, abstract=True)
    assert model.output.shape == (None, 5)


def test_last_module_pools_the_maximum():
    model = build_model("bn-inception", input_shape=(32, 32, 3), classes=5)
    kinds = [type(model.get_layer(f"inception_{m}_pool")).__name__ for m in ("3a", "4e", "5b")]
    assert kinds == ["AveragePooling2D", "MaxPooling2D", "MaxPooling2D"]
    assert np.isfinite(model(np.zeros((1, 32, 32, 3), np.uint8))).all()
