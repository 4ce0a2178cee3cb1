"""What a model said of every example of a split, where an image may have several labels."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from kerascnn.evaluation.predictions import (
    ABOUT,
    FORMAT,
    SEVERAL,
    Predictions,
    cells_of,
    numbers_of,
    opened_table,
    texts_of,
    write_predictions,
)
from kerascnn.files import written_whole

if TYPE_CHECKING:  # it imports TensorFlow
    from kerascnn.data.dataset import ImageData

UNCHOSEN = 0.5  # a threshold, before one is chosen


@dataclass(frozen=True, eq=False)
class SetPredictions:
    """One row for each example, in the order of the split.

    Attributes:
        data: Name of the data set that the examples are in, as in a recipe.
        fingerprint: Of all the data that the run had.
        split: "train", "validation" or "test".
        classes: Names, in the order of the columns.
        examples: What each is called, as in `Predictions`. Strings (N,).
        labels: Whether it has each label, bool (N, classes).
        probabilities: Of each label by itself, float32 (N, classes).
        losses: Binary cross-entropy in nats, the mean over the classes, float32 (N,).
        dimensions: Height and width of each image as stored, int32 (N, 2).
        thresholds: The probability from which on each label is given, float64 (classes,).
    """

    data: str
    fingerprint: str
    split: str
    classes: tuple[str, ...]
    examples: np.ndarray
    labels: np.ndarray
    probabilities: np.ndarray
    losses: np.ndarray
    dimensions: np.ndarray
    thresholds: np.ndarray

    @property
    def size(self) -> int:
        """Number of examples."""
        return len(self.labels)

    @cached_property
    def predicted(self) -> np.ndarray:
        """Whether it is given each label, bool (N, classes)."""
        return given(self.probabilities, self.thresholds)

    @property
    def exact(self) -> np.ndarray:
        """Whether it is given just the labels that it has, bool (N,)."""
        same: np.ndarray = (self.predicted == self.labels).all(axis=1)
        return same

    def at(self, thresholds: Sequence[float] | np.ndarray) -> SetPredictions:
        """Returns the same table with other thresholds."""
        return replace(self, thresholds=np.asarray(thresholds, np.float64))

    def names(self, labels: np.ndarray) -> list[str]:
        """Returns the names of one example's labels, bool (classes,), in the order of classes."""
        return [name for name, has in zip(self.classes, labels, strict=True) if has]


Table: TypeAlias = Predictions | SetPredictions


def given(probabilities: np.ndarray, thresholds: np.ndarray) -> np.ndarray:
    """Returns whether each label is given, bool, from float32 (..., classes)."""
    # In float64 a threshold halfway between two probabilities is.
    likely: np.ndarray = np.asarray(probabilities, np.float64) >= thresholds
    return likely


def sets_of(logits: np.ndarray, data: ImageData, split: str) -> SetPredictions:
    """Keeps what a model said of a split, at thresholds of a half.

    Args:
        logits: Float (N, classes), of every example in the order of the split.
        data: From `load`, with several labels an image.
        split: Name of the split.
    """
    from scipy.special import expit

    part = data.splits[split]
    exact = logits.astype(np.float64)
    # log(1 + exp(-|x|)) is what a right answer costs; a wrong one |x| more.
    losses = np.maximum(exact, 0) - exact * part.labels + np.log1p(np.exp(-np.abs(exact)))
    return SetPredictions(
        data=data.source(split),
        fingerprint=data.fingerprint,
        split=split,
        classes=data.classes,
        examples=np.array(part.images.identities(), object),
        labels=part.labels > 0,
        probabilities=expit(exact).astype(np.float32),
        losses=losses.mean(axis=1).astype(np.float32),
        dimensions=np.asarray(part.images.dimensions(), np.int32),
        thresholds=np.full(len(data.classes), UNCHOSEN),
    )


def best_thresholds(predictions: SetPredictions) -> np.ndarray:
    """Returns the threshold of each class at which its F1 is highest, float64 (classes,).

    It lies halfway between the least probability that is above it and the next one below. Of equal
    F1 the threshold nearest to a half; a half for a class that no example has.

    Args:
        predictions: Of the validation images, on which thresholds are chosen.
    """
    found = np.full(len(predictions.classes), UNCHOSEN)
    for label in np.flatnonzero(predictions.labels.any(axis=0)):
        truth = predictions.labels[:, label]
        values = predictions.probabilities[:, label].astype(np.float64)
        order = np.argsort(-values, kind="stable")
        ranked = values[order]
        ends = np.append(np.flatnonzero(np.diff(ranked)), len(ranked) - 1)  # of equal ones
        hits = np.cumsum(truth[order])[ends]
        f1 = 2 * hits / (ends + 1 + truth.sum())
        below = np.append(ranked[ends[1:]], 0.0)
        candidates = ((ranked[ends] + below) / 2)[np.isclose(f1, f1.max(), rtol=0, atol=1e-12)]
        found[label] = candidates[np.abs(candidates - UNCHOSEN).argmin()]
    return found


def write_table(table: Table, path: Path) -> None:
    """Writes a table of either kind; see `write_predictions` and `write_sets`."""
    if isinstance(table, SetPredictions):
        write_sets(table, path)
    else:
        write_predictions(table, path)


def write_sets(predictions: SetPredictions, path: Path) -> None:
    """Writes a Parquet file with a row for each example, whole or not at all.

    Columns: example, true, predicted (lists of names of classes), exact, loss, height, width,
    probabilities (in the order of the classes). The thresholds are in the metadata.
    """
    import pyarrow as pa
    from pyarrow import parquet

    def lists(labels: np.ndarray) -> pa.Array:
        ends = np.concatenate([[0], np.cumsum(labels.sum(axis=1))])
        numbers = pa.array(np.nonzero(labels)[1].astype(np.int32))
        names = pa.DictionaryArray.from_arrays(numbers, pa.array(predictions.classes, pa.string()))
        return pa.ListArray.from_arrays(pa.array(ends.astype(np.int32)), names)

    table = pa.table(
        {
            "example": pa.array(predictions.examples, pa.string()),
            "true": lists(predictions.labels),
            "predicted": lists(predictions.predicted),
            "exact": pa.array(predictions.exact),
            "loss": pa.array(predictions.losses),
            "height": pa.array(predictions.dimensions[:, 0]),
            "width": pa.array(predictions.dimensions[:, 1]),
            "probabilities": pa.FixedSizeListArray.from_arrays(
                pa.array(predictions.probabilities.ravel()), len(predictions.classes)
            ),
        }
    )
    about = {
        "format": FORMAT,
        "labels": SEVERAL,
        "data": predictions.data,
        "fingerprint": predictions.fingerprint,
        "split": predictions.split,
        "classes": predictions.classes,
        "thresholds": predictions.thresholds.tolist(),
    }
    table = table.replace_schema_metadata({ABOUT: json.dumps(about)})
    with written_whole(path) as unfinished:
        parquet.write_table(table, unfinished, compression="zstd")


def read_sets(path: Path) -> SetPredictions:
    """Reads what `write_sets` wrote.

    Raises:
        UserError: If the file is missing, damaged, or of a format that this version does not read.
    """
    with opened_table(path) as (table, about):
        classes = tuple(about["classes"])
        true = table["true"].combine_chunks()
        labels = np.zeros((len(table), len(classes)), bool)
        rows = np.repeat(np.arange(len(table)), np.diff(np.from_dlpack(true.offsets)))
        labels[rows, np.from_dlpack(true.flatten().indices)] = True
        return SetPredictions(
            data=about["data"],
            fingerprint=about["fingerprint"],
            split=about["split"],
            classes=classes,
            examples=texts_of(table["example"]),
            labels=labels,
            probabilities=cells_of(table["probabilities"]),
            losses=numbers_of(table["loss"]),
            dimensions=np.stack([numbers_of(table[side]) for side in ("height", "width")], axis=1),
            thresholds=np.array(about["thresholds"], np.float64),
        )
