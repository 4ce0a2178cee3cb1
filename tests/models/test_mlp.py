from __future__ import annotations

import pytest

from kerascnn.models.build import build_model
from kerascnn.models.registry import model_entry

SIZES = {  # parameters and MACs, checked in test_catalog.py
    "mlp": (238_510, 238_200),
    "mlp-300": (238_510, 238_200),
    "mlp-1000": (795_010, 794_000),
    "mlp-300-100": (266_610, 266_200),
    "mlp-500-150": (469_160, 468_500),
    "linear": (7_850, 7_840),
}


@pytest.mark.parametrize(
    ("name", "parameters"),
    [
        ("linear", 7_850),
        ("mlp", 238_510),
        ("mlp-300", 238_510),
        ("mlp-1000", 795_010),
        ("mlp-300-100", 266_610),
        ("mlp-500-150", 469_160),
    ],
)
def test_parameters_are_those_of_the_table(name, parameters):
    entry = model_entry(name)
    model = build_model(name, input_shape=entry.input_shape, classes=entry.classes, abstract=True)
    assert model.count_params() == parameters
