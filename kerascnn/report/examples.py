"""Which examples a report shows, and what it says of each."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from kerascnn.data.examples import read_images
from kerascnn.errors import UserError
from kerascnn.evaluation.predictions import Predictions
from kerascnn.report.thumbnails import data_uri
from kerascnn.text import shown

MOST_WRONG = 500
MOST_RIGHT = 150
_OF_A_CELL = 24  # of one true class, and one answer
_OF_A_CLASS = 6  # right ones, those that were nearest to being wrong


@dataclass(frozen=True)
class Example:
    """One image of a report.

    Attributes:
        name: As in `Predictions.examples`.
        true: Number of its class.
        said: Number of the class that was answered.
        confidence: The probability of the answer.
        likely: The probability of the true class.
        loss: In nats.
        picture: Its address; None where the image is not there.
    """

    name: str
    true: int
    said: int
    confidence: float
    likely: float
    loss: float
    picture: str | None


def chosen_rows(predictions: Predictions) -> list[int]:
    """Returns the rows that are shown: those that are wrong, worst first, then some right ones.

    At most MOST_WRONG wrong ones, of no pair of classes more than _OF_A_CELL: half of them the
    worst, the others in turn from each pair, the frequent ones first, so that a model that is wrong
    a thousand times shows every kind of mistake. And of each class the right ones with the highest
    loss.
    """
    losses = predictions.losses
    wrong = np.flatnonzero(~predictions.correct)
    wrong = wrong[np.argsort(-losses[wrong], kind="stable")]
    cells = predictions.labels[wrong] * len(predictions.classes) + predictions.predicted[wrong]
    ranks = _ranks(cells)
    near = np.flatnonzero(ranks < _OF_A_CELL)
    worst, others = np.split(near, [MOST_WRONG // 2])
    frequency = predictions.confusion.ravel()[cells]
    others = others[np.lexsort((-frequency[others], ranks[others]))][: MOST_WRONG - len(worst)]
    near = np.sort(np.concatenate([worst, others]))
    right = np.flatnonzero(predictions.correct)
    right = right[np.argsort(-losses[right], kind="stable")]
    right = right[_ranks(predictions.labels[right]) < _OF_A_CLASS][:MOST_RIGHT]
    return [int(row) for row in (*wrong[near], *right)]


def _ranks(groups: np.ndarray) -> np.ndarray:
    """Returns how many of the same group stand before each element, (N,)."""
    order = np.argsort(groups, kind="stable")
    ordered = groups[order]
    starts = np.searchsorted(ordered, ordered, side="left")
    ranks = np.empty(len(groups), int)
    ranks[order] = np.arange(len(groups)) - starts
    return ranks


def chosen_examples(predictions: Predictions) -> tuple[list[Example], str]:
    """Returns the examples that are shown, and why they have no pictures, where they have none."""
    rows = chosen_rows(predictions)
    names = [str(predictions.examples[row]) for row in rows]
    reason = ""
    try:
        images = read_images(predictions.data, names)
    except UserError as error:
        images, reason = [None] * len(rows), str(error)
    return [
        Example(
            shown(name),
            int(predictions.labels[row]),
            int(predictions.predicted[row]),
            float(predictions.confidence[row]),
            float(predictions.true_probability[row]),
            float(predictions.losses[row]),
            None if image is None else data_uri(image),
        )
        for row, name, image in zip(rows, names, images, strict=True)
    ], reason
