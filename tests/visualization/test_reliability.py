"""The reliability diagram: what is in it, read back."""

from __future__ import annotations

import numpy as np
import pytest

from kerascnn.visualization.reliability import draw_reliabilities, draw_reliability
from tests.evaluation.tables import said

TABLE = said(np.log([[0.9, 0.1]] * 4), np.array([0, 0, 1, 1]), ("a", "b"))


def test_a_bin_shows_accuracy_confidence_and_count() -> None:
    diagram, counts = draw_reliability(TABLE, "a title").axes
    (bar,) = diagram.patches
    assert bar.get_height() == 0.5
    (segment,) = diagram.collections[0].get_segments()
    assert segment[:, 1] == pytest.approx(0.9)
    assert max(patch.get_height() for patch in counts.patches) == 4
    assert diagram.get_title() == "test images: calibration error 40.00%"
    assert {text.get_text() for text in diagram.get_legend().get_texts()} == {
        "accuracy", "mean confidence", "as sure as it is right",
    }  # fmt: skip


def test_two_stand_side_by_side() -> None:
    figure = draw_reliabilities({"before": TABLE, "after": TABLE}, "")
    assert [axes.get_title().partition(":")[0] for axes in figure.axes[:2]] == ["before", "after"]
