"""The range test as a picture: its curve, its lowest point, its suggestion."""

from __future__ import annotations

import numpy as np
import pytest
from matplotlib.axes import Axes

from kerascnn.visualization.range_test import draw_range_test

RATES = np.geomspace(1e-5, 1, 6)
LOSSES = np.array([2.4, 2.2, 1.0, 0.9, 1.5, 80.0])
SMOOTHED = np.array([2.4, 2.3, 1.4, 0.8, 1.2, 50.0])


@pytest.fixture(scope="module")
def axes() -> Axes:
    return draw_range_test(RATES, LOSSES, SMOOTHED, 3.2e-4, "lenet5 on digits, sgd").axes[0]


def test_both_curves_the_lowest_point_and_the_suggestion(axes: Axes) -> None:
    lines = {line.get_label(): np.array(line.get_data()) for line in axes.get_lines()}
    np.testing.assert_array_equal(lines["loss of each batch"], [RATES, LOSSES])
    np.testing.assert_array_equal(lines["smoothed"], [RATES, SMOOTHED])
    np.testing.assert_allclose(lines["lowest"].ravel(), [RATES[3], 0.8])
    assert list(lines["suggestion 0.00032"][0]) == [3.2e-4, 3.2e-4]
    assert axes.get_title() == "lenet5 on digits, sgd"
    assert axes.get_xscale() == "log"


def test_what_diverges_does_not_press_the_rest_flat(axes: Axes) -> None:
    bottom, top = axes.get_ylim()
    assert bottom < 0.8
    assert 2.4 < top < 4
