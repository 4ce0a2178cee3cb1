"""Accuracy on parts of a split: small and large images, dark and bright ones, rare classes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from kerascnn.data.examples import read_images
from kerascnn.evaluation.measures import Estimate, wilson
from kerascnn.evaluation.predictions import Predictions
from kerascnn.table_files import write_csv

SIZE, BRIGHTNESS, FREQUENCY = "image size", "brightness", "class frequency"
_QUARTERS = (0.25, 0.5, 0.75)
_MOST_READ = 2000
_AT_ONCE = 2**24  # pixels of images that are in memory together
_LUMA = np.array([0.299, 0.587, 0.114])  # ITU-R BT.601


@dataclass(frozen=True)
class Slice:
    """A part of a split.

    Attributes:
        by: SIZE, BRIGHTNESS or FREQUENCY: what the split is divided by.
        name: The range of this part.
        count: Examples in it.
        accuracy: With Wilson's interval.
    """

    by: str
    name: str
    count: int
    accuracy: Estimate


def slices(
    predictions: Predictions,
    *,
    training: Predictions | None = None,
    brightness: np.ndarray | None = None,
) -> list[Slice]:
    """Divides a split at quartiles, and scores each part.

    By image size where sizes differ: height times width, as stored. By class frequency where the
    training images are told and classes are of different size: quarters of the classes, not of the
    examples.

    Args:
        predictions: Of the split.
        training: Of the training images of the same run.
        brightness: From `brightness_of`; NaN where it is not known.
    """
    rows: list[Slice] = []

    def divide(
        by: str, values: np.ndarray, edges_of: np.ndarray, named: Callable[[float, float], str]
    ) -> None:
        if len(values) == 0 or values.min() == values.max():
            return
        edges = np.unique(np.quantile(edges_of, _QUARTERS))
        parts = np.searchsorted(edges, values, side="left")
        for part in np.unique(parts):
            chosen = parts == part
            right = predictions.correct[known][chosen]
            name = named(values[chosen].min(), values[chosen].max())
            rows.append(Slice(by, name, len(right), wilson(int(right.sum()), len(right))))

    known = np.ones(predictions.size, bool)
    areas = predictions.dimensions.astype(np.int64).prod(axis=1)
    divide(SIZE, areas, areas, lambda low, high: _range(f"{low:,}", f"{high:,}", "pixels"))
    if training is not None:
        counts = np.bincount(training.labels, minlength=len(predictions.classes))
        divide(
            FREQUENCY,
            counts[predictions.labels],
            counts,
            lambda low, high: _range(f"{low:,}", f"{high:,}", "training images a class"),
        )
    if brightness is not None:
        known = np.isfinite(brightness)
        levels = brightness[known]
        divide(
            BRIGHTNESS,
            levels,
            levels,
            lambda low, high: _range(f"{low:.0f}", f"{high:.0f}", "of 255"),
        )
    return rows


def _range(low: str, high: str, unit: str) -> str:
    return f"{low} {unit}" if low == high else f"{low} to {high} {unit}"


def brightness_of(predictions: Predictions, *, most: int = _MOST_READ, seed: int = 0) -> np.ndarray:
    """Returns the mean luma of images as they are stored, float64 (N,), from 0 to 255.

    NaN for images that are not there any more, and where there are more than `most` for all that
    are not in a random sample of so many.

    Args:
        predictions: Of the split.
        most: Images to read.
        seed: The seed of the sample.

    Raises:
        UserError: If the data set as a whole is not there.
    """
    found = np.full(predictions.size, np.nan)
    chosen = np.arange(predictions.size)
    if predictions.size > most:
        chosen = np.sort(np.random.default_rng(seed).choice(predictions.size, most, replace=False))
    areas = predictions.dimensions[chosen].astype(np.int64).prod(axis=1)
    for rows in np.split(chosen, np.flatnonzero(np.diff(np.cumsum(areas) // _AT_ONCE)) + 1):
        images = read_images(predictions.data, list(predictions.examples[rows]))
        for row, image in zip(rows, images, strict=True):
            if image is not None:
                means = image.mean(axis=(0, 1), dtype=np.float64)
                found[row] = means @ _LUMA if len(means) == 3 else means[0]
    return found


def write_slices(rows: Sequence[Slice], path: Path) -> None:
    """Writes a CSV file with a row for each part."""
    cells = []
    for row in rows:
        figures = (row.accuracy.value, row.accuracy.low, row.accuracy.high)
        cells.append([row.by, row.name, row.count, *(f"{figure:.6f}" for figure in figures)])
    write_csv(path, ["by", "slice", "count", "accuracy", "low", "high"], cells)
