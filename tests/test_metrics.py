from __future__ import annotations

import math

import pytest

from kerascnn.metrics import format_metric


@pytest.mark.parametrize(
    ("name", "value", "text"),
    [
        ("test_accuracy", 0.99254, "99.25%"),
        ("accuracy", 1, "100.00%"),
        ("parameters", 61706.0, "61706"),
        ("val_loss", 0.0314159, "0.03142"),
        ("loss", math.inf, "inf"),
        ("loss", math.nan, "nan"),
    ],
)
def test_metrics_as_they_are_shown(name: str, value: float, text: str) -> None:
    assert format_metric(name, value) == text
