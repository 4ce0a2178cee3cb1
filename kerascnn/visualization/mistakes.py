"""The pictures that a model gets wrong, as a labelled contact sheet."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure

from kerascnn.evaluation.predictions import Predictions
from kerascnn.evaluation.set_predictions import SetPredictions
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
    captions = [
        f"{predictions.classes[predictions.predicted[row]]} {predictions.confidence[row]:.0%}\n"
        f"is {predictions.classes[predictions.labels[row]]}"
        for row in rows
    ]
    return _sheet(images, captions, title, note="said, how sure, and what it is")


@in_style
def draw_set_mistakes(
    predictions: SetPredictions,
    rows: np.ndarray,
    images: Sequence[np.ndarray | None],
    *,
    title: str,
) -> Figure:
    """Draws examples under what their labels lack, and what they have too many.

    Args:
        predictions: The table.
        rows: Of at least one example in it.
        images: As for `draw_mistakes`.
        title: Over the sheet.
    """
    captions = []
    for row in rows:
        has, said = predictions.labels[row], predictions.predicted[row]
        signed = [(has & ~said, "- "), (said & ~has, "+ ")]
        lines = [sign + ", ".join(predictions.names(some)) for some, sign in signed if some.any()]
        captions.append("\n".join(lines))
    return _sheet(images, captions, title, note="- a label that it was not given, + one too many")


def _sheet(
    images: Sequence[np.ndarray | None], captions: Sequence[str], title: str, note: str
) -> Figure:
    cells = list(zip(in_one_size(images), captions, strict=True))
    sheet = [cells[start : start + PER_ROW] for start in range(0, len(cells), PER_ROW)]
    return draw_sheet(sheet, title=title, note=note, side=112)
