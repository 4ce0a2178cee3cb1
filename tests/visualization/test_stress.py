"""Invariance curves: what is drawn where."""

from __future__ import annotations

import numpy as np
import pytest

from kerascnn.evaluation.distortions import DISTORTIONS
from kerascnn.evaluation.measures import wilson
from kerascnn.evaluation.stress import Point, StressTest
from kerascnn.visualization.stress import draw_layer_distances, draw_stress
from kerascnn.visualization.writing import png_of


def _test(*kinds: str) -> StressTest:
    points = [
        Point(kind, strength, wilson(90 - 10 * place, 100), (0.1 * place, 0.05 * place))
        for kind in kinds
        for place, strength in enumerate(DISTORTIONS[kind].strengths, start=1)
    ]
    return StressTest("test", 100, wilson(90, 100), ("_conv1", "fc2"), tuple(points))


def test_accuracies_begin_at_the_untouched_images() -> None:
    figure = draw_stress(_test("shift", "jpeg"), "first")
    assert [axes.get_title() for axes in figure.axes] == ["shift", "jpeg"]
    for axes, first in zip(figure.axes, ("4%", "50"), strict=True):
        curve = axes.get_lines()[1]
        assert np.array(curve.get_ydata()).tolist() == pytest.approx([0.9, 0.8, 0.7, 0.6, 0.5, 0.4])
        names = [text.get_text() for text in axes.get_xticklabels()]
        assert names[:2] == ["none", first]
    assert png_of(figure)


def test_distances_have_a_line_for_each_layer() -> None:
    figure = draw_layer_distances(_test(*DISTORTIONS), "first")
    assert len(figure.axes) == len(DISTORTIONS)
    for axes in figure.axes:
        _, *lines = axes.get_lines()
        ends = [float(np.array(line.get_ydata())[-1]) for line in lines]
        assert ends == pytest.approx([0.5, 0.25])
    (legend,) = figure.legends
    names = [text.get_text().strip() for text in legend.get_texts()]
    assert names == ["another image", "_conv1", "fc2"]
    assert png_of(figure)


def test_one_distortion() -> None:
    assert len(draw_stress(_test("noise")).axes) == 1
    assert png_of(draw_layer_distances(_test("noise")))
