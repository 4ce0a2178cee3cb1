"""The demo of activation functions."""

from __future__ import annotations

import numpy as np
import pytest

from kerascnn.lectures.activations import FORMULAS, curve
from kerascnn.visualization.demos.activations import Activations, draw_activations


def test_each_function_and_its_derivative_is_drawn() -> None:
    picture = Activations(span=3).picture()
    assert picture.chart
    assert len(picture.figure.axes) == len(FORMULAS) == 12
    for axes, (name, formula) in zip(picture.figure.axes, FORMULAS.items(), strict=True):
        assert axes.get_title() == f"{name}\n{formula}"
        function, derivative = axes.lines[-2:]
        assert np.asarray(function.get_ydata()) == pytest.approx(picture.arrays[name])
        assert np.asarray(derivative.get_ydata()) == pytest.approx(
            picture.arrays[f"{name}_derivative"]
        )
    assert "  sigmoid       0.0452  0.2500  0.0452" in picture.lines


def test_panels_that_are_not_needed_are_empty() -> None:
    x = np.linspace(-1, 1, 5)
    figure = draw_activations(x, {"relu": curve("relu", x)})
    assert [axes.axison for axes in figure.axes] == [True, False, False, False]
