"""The reliability diagram: what is in it, read back."""

from __future__ import annotations

import numpy as np
import pytest
from matplotlib.collections import LineCollection
from matplotlib.patches import Rectangle

from kerascnn.visualization.reliability import draw_reliabilities, draw_reliability
from tests.evaluation.tables import said

TABLE = said(np.log([[0.9, 0.1]] * 4), np.array([0, 0, 1, 1]), ("a", "b"))


def test_a_bin_shows_accuracy_confidence_and_count() -> None:
    diagram, counts = draw_reliability(TABLE, "a title").axes
    (bar,) = diagram.patches
    assert isinstance(bar, Rectangle)
    assert bar.get_height() == 0.5
    (mean,) = diagram.collections
    assert isinstance(mean, LineCollection)
    assert mean.get_segments()[0][:, 1] == pytest.approx(0.9)
    heights = [patch.get_height() for patch in counts.patches if isinstance(patch, Rectangle)]
    assert max(heights) == 4
    assert diagram.get_title() == "test images: calibration error 40.00%"
    legend = diagram.get_legend()
    assert legend is not None
    assert {text.get_text() for text in legend.get_texts()} == {
        "accuracy", "mean confidence", "as sure as it is right",
    }  # fmt: skip


def test_two_stand_side_by_side() -> None:
    figure = draw_reliabilities({"before": TABLE, "after": TABLE}, "")
    assert [axes.get_title().partition(":")[0] for axes in figure.axes[:2]] == ["before", "after"]
