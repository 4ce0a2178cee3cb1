"""The demo of dropout: sub-networks and means."""

from __future__ import annotations

import numpy as np
import pytest
from matplotlib.collections import LineCollection, PathCollection

from kerascnn.errors import UserError
from kerascnn.lectures.dropout import averages, random_net
from kerascnn.visualization.demos.dropout import Dropout, draw_dropout


def test_it_says_what_the_means_are() -> None:
    picture = Dropout(layers=1, masks=3000).picture()
    arrays = picture.arrays
    assert arrays["scaled"] == pytest.approx(arrays["geometric"], abs=1e-12)
    assert arrays["running_means"][-1] == pytest.approx(arrays["arithmetic"], abs=0.02)
    assert arrays["keras_distance"][-1] < 0.05
    assert picture.lines[0] == "32 masks of 5 hidden units, kept with probability 0.5:"


def test_dropped_units_are_crossed_out() -> None:
    net = random_net(3, (4,), 3)
    exact = averages(net, np.ones(3), 0.5)
    means = np.tile(exact.arithmetic, (50, 1)) + 0.01
    masks = np.array([[1, 0, 0, 1], [1, 1, 1, 1]])
    figure = draw_dropout(net, masks, exact, means, np.ones(50), 0.5)
    whole, first, second = figure.axes[:3]
    assert [axes.get_title() for axes in (whole, first, second)] == [
        "the net", "2 of 4 units", "4 of 4 units",
    ]  # fmt: skip

    def lines(axes) -> int:
        found = [part for part in axes.collections if isinstance(part, LineCollection)]
        return sum(len(part.get_paths()) for part in found)

    assert [lines(axes) for axes in (whole, first, second)] == [24, 12, 24]
    dots = [part for part in first.collections if isinstance(part, PathCollection)]
    assert [np.asarray(part.get_offsets()).shape[0] for part in dots[2::3]] == [0, 2, 0], "crosses"


def test_a_probability() -> None:
    with pytest.raises(UserError, match="keep: got 1"):
        Dropout(keep=1.0)
