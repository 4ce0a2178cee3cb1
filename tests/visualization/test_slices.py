"""The picture of accuracies on parts of a split."""

from __future__ import annotations

import numpy as np

from kerascnn.evaluation.measures import wilson
from kerascnn.evaluation.slices import Slice
from kerascnn.visualization.slices import draw_slices
from kerascnn.visualization.writing import png_of


def test_each_part_has_its_interval_and_name() -> None:
    rows = [
        Slice("image size", "100 pixels", 40, wilson(20, 40)),
        Slice("image size", "200 to 1,000 pixels", 1200, wilson(1100, 1200)),
        Slice("brightness", "3 to 80 of 255", 1240, wilson(1120, 1240)),
    ]
    figure = draw_slices(rows, wilson(1120, 1240), "first")
    (axes,) = figure.axes
    assert [text.get_text() for text in axes.get_yticklabels()] == [
        "100 pixels (40)",
        "200 to 1,000 pixels (1,200)",
        "3 to 80 of 255 (1,240)",
    ]
    assert [text.get_text() for text in axes.texts] == ["image size", "brightness"]
    lines = [line for line in axes.get_lines() if len(np.atleast_1d(line.get_xdata())) == 2]
    spans = [np.array(line.get_xdata()).tolist() for line in lines[1:]]
    assert spans == [[row.accuracy.low, row.accuracy.high] for row in rows]
    assert png_of(figure)
