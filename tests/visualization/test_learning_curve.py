"""The learning curve: every draw a point, the means a line, the images on a logarithmic axis."""

from __future__ import annotations

import numpy as np

from kerascnn.evaluation.probes import CurvePoint
from kerascnn.visualization.learning_curve import draw_learning_curve
from kerascnn.visualization.writing import png_of

POINTS = [CurvePoint(1, 3, (0.4, 0.5)), CurvePoint(10, 30, (0.7, 0.8)), CurvePoint(40, 120, (0.9,))]


def test_a_curve_has_means_and_draws() -> None:
    figure = draw_learning_curve({"linear": POINTS, "knn": POINTS[1:]}, "digits")
    (axes,) = figure.axes
    assert axes.get_xscale() == "log"
    mean = axes.get_lines()[0]
    assert np.asarray(mean.get_xdata()).tolist() == [1, 10, 40]
    assert np.asarray(mean.get_ydata()).tolist() == [0.45, 0.75, 0.9]
    assert len(axes.get_lines()) == 2 + 3 + 2
    legend = axes.get_legend()
    assert legend is not None
    assert [text.get_text() for text in legend.get_texts()] == ["linear", "knn"]
    assert png_of(figure)


def test_one_curve_needs_no_legend() -> None:
    assert draw_learning_curve({"linear": POINTS}).axes[0].get_legend() is None
