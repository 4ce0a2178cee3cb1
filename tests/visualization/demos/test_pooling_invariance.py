"""The demo of what pooling leaves of a shift."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from kerascnn.errors import UserError
from kerascnn.visualization.demos.pooling_invariance import PoolingInvariance, draw_invariance


def test_over_real_digits_larger_windows_leave_less() -> None:
    picture = PoolingInvariance().picture()
    arrays = picture.arrays
    assert arrays["shifts"].tolist() == list(range(9))
    for pool in ("max", "average"):
        curves = [arrays["max_1"], *(arrays[f"{pool}_{size}"] for size in (2, 4, 8, 48))]
        for above, below in itertools.pairwise(curves):
            assert (above[1:] > below[1:]).all()
        assert curves[-1] == pytest.approx(0, abs=1e-12)
        assert (np.diff(curves[0]) > 0).all()
        assert curves[0][0] == 0
    assert (arrays["max_4"][1:] < arrays["average_4"][1:]).all(), "max is the more invariant"
    assert "no pooling" in picture.lines[1]


def test_an_image_of_ones_own(tmp_path: Path) -> None:
    pixels = np.zeros((20, 10), np.uint8)
    pixels[5:15, 3:7] = 200
    Image.fromarray(pixels).save(tmp_path / "bar.png")
    picture = PoolingInvariance(shift=3, size=(4,)).picture((str(tmp_path / "bar.png"),))
    assert picture.arrays["image"].shape == (48, 48)
    assert picture.arrays["max_4"].shape == (4,)
    Image.fromarray(np.zeros((8, 8), np.uint8)).save(tmp_path / "black.png")
    with pytest.raises(UserError, match=r"black\.png: is all black"):
        PoolingInvariance().picture((str(tmp_path / "black.png"),))


def test_a_window_that_does_not_divide() -> None:
    with pytest.raises(UserError, match="size: got 5, must be over 1 and divide 48"):
        PoolingInvariance(size=(4, 5))


def test_the_picture_has_a_line_for_each_window() -> None:
    curves = {("max", 1): np.arange(3.0), ("max", 4): np.ones(3), ("average", 4): np.zeros(3)}
    figure = draw_invariance(np.zeros((16, 16)), np.arange(3), curves, "a title")
    left, right = figure.axes[:2]
    assert [line.get_label() for line in left.lines] == ["no pooling", "4x4"]
    assert np.asarray(right.lines[1].get_ydata()).tolist() == [0, 0, 0]
