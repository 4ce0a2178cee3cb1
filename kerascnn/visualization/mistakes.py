"""The pictures that a model gets wrong, as a labelled contact sheet."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure

from kerascnn.evaluation.predictions import Predictions
from kerascnn.visualization.contact_sheet import draw_sheet, in_one_size
from kerascnn.visualization.writing import in_style

PER_ROW, MOST = 8, 48


@in_style
def draw_mistakes(
    predictions: Predictions, rows: np.ndarray, images: Sequence[np.ndarray | None], *, title: str
) -> Figure:
    """Draws examples under each other's answer: what was said, how sure, and what is true.

    Args:
        predictions: The table.
        rows: Of at least one example in it.
        images: Of each, uint8 (H, W, 1 or 3); None, a grey one, where it is not there any more.
        title: Over the sheet.
    """
    cells = [
        (
            image,
            f"{predictions.classes[predictions.predicted[row]]} {predictions.confidence[row]:.0%}\n"
            f"is {predictions.classes[predictions.labels[row]]}",
        )
        for row, image in zip(rows, in_one_size(images), strict=True)
    ]
    sheet = [cells[start : start + PER_ROW] for start in range(0, len(cells), PER_ROW)]
    return draw_sheet(sheet, title=title, note="said, how sure, and what it is", side=112)
