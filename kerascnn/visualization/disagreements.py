"""The pictures on which two models disagree."""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure

from kerascnn.data.examples import read_images
from kerascnn.errors import UserError
from kerascnn.evaluation.pairing import Pairing
from kerascnn.evaluation.predictions import Predictions
from kerascnn.visualization.contact_sheet import draw_sheet, in_one_size
from kerascnn.visualization.writing import in_style

_COLUMNS, _ROWS = 8, 2  # of each kind
_SIDE = 112


@in_style
def draw_disagreements(pairing: Pairing, names: tuple[str, str]) -> Figure:
    """Draws the pictures that only one of two models has right, those told apart best first.

    Two rows for each model at the most. Below each picture are the true class and what the models,
    A and B, said.

    Args:
        pairing: What both said of the same examples.
        names: Of the two models.

    Raises:
        UserError: If there is none, the data set is not there any more, or none of its pictures is.
    """
    kinds = {"only A is right": pairing.only_first, "only B is right": pairing.only_second}
    if not any(map(len, kinds.values())):
        raise UserError(f"{names[0]} and {names[1]} have the same images right")
    chosen = {kind: _clearest(pairing, rows) for kind, rows in kinds.items()}
    wanted = np.concatenate(list(chosen.values()))
    images = read_images(pairing.first.data, pairing.first.examples[wanted].tolist())
    if all(image is None for image in images):
        raise UserError(f"the images of {pairing.first.data} are not there any more")
    pictures = dict(zip(wanted.tolist(), in_one_size(images), strict=True))
    rows, labels = [], []
    for kind, numbers in chosen.items():
        cells = [(pictures[row], _caption(pairing, row)) for row in numbers.tolist()]
        for start in range(0, len(cells), _COLUMNS):
            rows.append(cells[start : start + _COLUMNS])
            labels.append(f"{kind}: {len(kinds[kind]):,}" if start == 0 else "")
    return draw_sheet(
        rows,
        title=f"A: {names[0]}   B: {names[1]}",
        note="below each picture: its class, what A said, what B said; the clearest ones first",
        names=labels,
        side=_SIDE,
    )


def _clearest(pairing: Pairing, rows: np.ndarray) -> np.ndarray:
    """Returns the rows in which the models differ most in the probability of the true class."""
    likely = pairing.first.true_probability - pairing.second.true_probability
    kept: np.ndarray = rows[np.argsort(-np.abs(likely[rows]), kind="stable")]
    return kept[: _COLUMNS * _ROWS]


def _caption(pairing: Pairing, row: int) -> str:
    def said(model: str, predictions: Predictions) -> str:
        name = predictions.classes[predictions.predicted[row]]
        return f"{model} {name} {predictions.confidence[row]:.0%}"

    true = pairing.first.classes[pairing.first.labels[row]]
    return f"{true}\n{said('A', pairing.first)}\n{said('B', pairing.second)}"
