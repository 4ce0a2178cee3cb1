from __future__ import annotations

import numpy as np
import pytest

from kerascnn.errors import UserError
from kerascnn.models.build import build_model

SIZES = {  # parameters and MACs, checked in test_catalog.py
    "ciresan2012": (76_040, 1_891_820),
}


def test_column_is_that_of_the_paper():
    model = build_model("ciresan2012", input_shape=(29, 29, 1), classes=10)
    assert model.count_params() == 76_040
    shapes = [model.get_layer(name).output.shape[1:] for name in ("conv1", "pool1", "conv2")]
    assert shapes == [(26, 26, 20), (13, 13, 20), (9, 9, 40)]
    assert model.get_layer("pool2").output.shape[1:] == (3, 3, 40)
    assert 0.045 < np.abs(model.get_layer("fc3").kernel).max() <= 0.05


def test_images_too_small_are_refused():
    build_model("ciresan2012", input_shape=(17, 17, 3), classes=2, abstract=True)
    with pytest.raises(UserError, match="pool2 would get a 2x3 map"):
        build_model("ciresan2012", input_shape=(16, 17, 3), classes=2, abstract=True)
