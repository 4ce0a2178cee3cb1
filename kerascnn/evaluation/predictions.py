"""What a model said of every example of a split: a table that all later questions are put to."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from kerascnn.errors import UserError
from kerascnn.files import legible, read_regular, written_whole

if TYPE_CHECKING:  # it imports TensorFlow
    from kerascnn.data.dataset import ImageData

FORMAT = 1  # of the file
SEVERAL = "several"  # what a file says of its labels where an image may have several
FULL = 100  # classes; with more, the largest probabilities of each example are kept
LARGEST = 10
_AT_ONCE = 2**22  # probabilities that are made in float64 at a time
_MOST_BYTES = 2**32
ABOUT = b"kerascnn"  # metadata of the file
_COLUMNS = ("examples", "labels", "top", "probabilities", "losses", "dimensions")
_TINY = float(np.finfo(np.float32).tiny)


@dataclass(frozen=True, eq=False)
class Predictions:
    """One row for each example, in the order of the split.

    Attributes:
        data: Name of the data set that the examples are in, as in a recipe.
        fingerprint: Of all the data that the run had.
        split: "train", "validation" or "test"; "folds" of a cross-validation.
        classes: Names, in the order of the labels.
        examples: What each is called: the path of its file, relative to the folder or CSV file; its
            id in TFDS; its number in the set. Strings (N,).
        labels: True classes, int64 (N,).
        top: Classes by falling probability, int32 (N, K). K is the number of classes, or LARGEST
            where there are more than FULL.
        probabilities: Theirs, float32 (N, K).
        losses: Cross-entropy in nats, float32 (N,).
        dimensions: Height and width of each image as stored, int32 (N, 2).
    """

    data: str
    fingerprint: str
    split: str
    classes: tuple[str, ...]
    examples: np.ndarray
    labels: np.ndarray
    top: np.ndarray
    probabilities: np.ndarray
    losses: np.ndarray
    dimensions: np.ndarray

    @property
    def size(self) -> int:
        """Number of examples."""
        return len(self.labels)

    @property
    def predicted(self) -> np.ndarray:
        """The most probable class of each example, (N,)."""
        column: np.ndarray = self.top[:, 0]
        return column

    @property
    def confidence(self) -> np.ndarray:
        """The probability of the most probable class, (N,)."""
        column: np.ndarray = self.probabilities[:, 0]
        return column

    @property
    def correct(self) -> np.ndarray:
        """Whether the most probable class is the true one, bool (N,)."""
        right: np.ndarray = self.predicted == self.labels
        return right

    @cached_property
    def true_probability(self) -> np.ndarray:
        """The probability of the true class, float64 (N,)."""
        likely: np.ndarray = np.exp(-self.losses.astype(np.float64))
        return likely

    @cached_property
    def margin(self) -> np.ndarray:
        """How far the true class is ahead of the best other one in probability, float32 (N,).

        Negative where the example is wrong.
        """
        other = np.where(self.correct, self.probabilities[:, 1], self.probabilities[:, 0])
        return (self.true_probability - other).astype(np.float32)

    @property
    def rest(self) -> np.ndarray:
        """The probability of all classes that are not in `top`, float32 (N,)."""
        left: np.ndarray = np.clip(1 - self.probabilities.sum(axis=1), 0, 1)
        return left if self.top.shape[1] < len(self.classes) else np.zeros_like(left)

    @cached_property
    def true_is_hidden(self) -> np.ndarray:
        """Whether the true class is not in `top`, bool (N,)."""
        hidden: np.ndarray = ~(self.top == self.labels[:, None]).any(axis=1)
        return hidden

    @cached_property
    def share(self) -> np.ndarray:
        """The probability of each class but the true one that is not in `top`, float32 (N,).

        They share the rest evenly; the probability of the true class is known.
        """
        left = len(self.classes) - self.top.shape[1]
        if not left:
            return np.zeros(self.size, np.float32)
        others = np.clip(self.rest - self.true_probability, 0, 1) / max(1, left - 1)
        share: np.ndarray = np.where(self.true_is_hidden, others, self.rest / left)
        return share.astype(np.float32)

    @cached_property
    def by_class(self) -> np.ndarray:
        """Probabilities in the order of the classes, float32 (N, classes).

        Of more than FULL classes, those that are not among the largest are as `share` has it.
        """
        rows = np.arange(self.size)
        full = np.repeat(self.share[:, None], len(self.classes), axis=1)
        full[rows, self.labels] = self.true_probability
        full[rows[:, None], self.top] = self.probabilities
        return full

    @property
    def logits(self) -> np.ndarray:
        """Logits, but for a number that softmax takes no notice of, float64 (N, classes)."""
        likely: np.ndarray = np.log(np.maximum(self.by_class, _TINY))
        return likely.astype(np.float64)

    def with_logits(self, logits: np.ndarray) -> Predictions:
        """Returns the table of the same examples with other answers, float (N, classes)."""
        return from_logits(
            logits,
            self.labels,
            self.classes,
            examples=self.examples.tolist(),
            dimensions=self.dimensions,
            data=self.data,
            fingerprint=self.fingerprint,
            split=self.split,
        )

    @cached_property
    def confusion(self) -> np.ndarray:
        """Counts (classes, classes), true class by row, predicted by column."""
        count = len(self.classes)
        cells = np.bincount(self.labels * count + self.predicted, minlength=count * count)
        return cells.reshape(count, count)


def predictions_of(logits: np.ndarray, data: ImageData, split: str) -> Predictions:
    """Keeps what a model said of a split.

    Args:
        logits: Float (N, classes), of every example in the order of the split.
        data: From `load`.
        split: Name of the split.
    """
    part = data.splits[split]
    return from_logits(
        logits,
        part.labels,
        data.classes,
        data=data.source(split),
        fingerprint=data.fingerprint,
        split=split,
        examples=part.images.identities(),
        dimensions=part.images.dimensions(),
    )


def from_logits(
    logits: np.ndarray,
    labels: np.ndarray,
    classes: Sequence[str],
    *,
    examples: Sequence[str],
    dimensions: np.ndarray,
    data: str,
    fingerprint: str,
    split: str,
) -> Predictions:
    """Keeps what a model said of examples; arguments as the attributes of `Predictions`.

    Args:
        logits: Float (N, classes).
        labels: True classes, integers (N,).
        classes: Names, in the order of the logits.
        examples: What each example is called.
        dimensions: Height and width of each image.
        data: Name of the data set.
        fingerprint: Of the data.
        split: Name of the split.
    """
    labels = np.asarray(labels, np.int64)
    kept = len(classes) if len(classes) <= FULL else LARGEST
    top = np.empty((len(labels), kept), np.int32)
    probabilities = np.empty((len(labels), kept), np.float32)
    losses = np.empty(len(labels), np.float32)
    at_once = max(1, _AT_ONCE // len(classes))
    for start in range(0, len(labels), at_once):
        part = slice(start, start + at_once)
        top[part], probabilities[part], losses[part] = _largest(logits[part], labels[part], kept)
    return Predictions(
        data=data,
        fingerprint=fingerprint,
        split=split,
        classes=tuple(classes),
        examples=np.array(examples, object),
        labels=labels,
        top=top,
        probabilities=probabilities,
        losses=losses,
        dimensions=np.asarray(dimensions, np.int32),
    )


def _largest(
    logits: np.ndarray, labels: np.ndarray, kept: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Returns the most probable classes (N, kept), their probabilities, and the losses (N,)."""
    from scipy.special import log_softmax

    log_probabilities = log_softmax(logits.astype(np.float64), axis=1)
    if kept < logits.shape[1]:
        top = np.argpartition(-log_probabilities, kept, axis=1)[:, :kept]
        order = np.argsort(-np.take_along_axis(log_probabilities, top, axis=1), axis=1)
        top = np.take_along_axis(top, order, axis=1)
    else:
        # Of equal ones the first class, as argmax has it.
        top = np.argsort(-log_probabilities, axis=1, kind="stable")
    probabilities = np.exp(np.take_along_axis(log_probabilities, top, axis=1))
    return top, probabilities, -log_probabilities[np.arange(len(labels)), labels]


def file_of(split: str) -> str:
    """Returns the name of the artifact that holds the predictions of a split."""
    return f"predictions_{split}.parquet"


def write_predictions(predictions: Predictions, path: Path) -> None:
    """Writes a Parquet file with a row for each example, whole or not at all.

    Columns: example, true, predicted (names of classes), correct, confidence, loss, margin, height,
    width, top (numbers of classes by falling probability), probabilities (theirs), rest (what all
    others have together).
    """
    import pyarrow as pa
    from pyarrow import parquet

    names = pa.array(predictions.classes, pa.string())

    def named(labels: np.ndarray) -> pa.Array:
        return pa.DictionaryArray.from_arrays(pa.array(labels.astype(np.int32)), names)

    def lists(values: np.ndarray) -> pa.Array:
        return pa.FixedSizeListArray.from_arrays(pa.array(values.ravel()), values.shape[1])

    table = pa.table(
        {
            "example": pa.array(predictions.examples, pa.string()),
            "true": named(predictions.labels),
            "predicted": named(predictions.predicted),
            "correct": pa.array(predictions.correct),
            "confidence": pa.array(predictions.confidence),
            "loss": pa.array(predictions.losses),
            "margin": pa.array(predictions.margin),
            "height": pa.array(predictions.dimensions[:, 0]),
            "width": pa.array(predictions.dimensions[:, 1]),
            "top": lists(predictions.top),
            "probabilities": lists(predictions.probabilities),
            "rest": pa.array(predictions.rest),
        }
    )
    about = {
        "format": FORMAT,
        "data": predictions.data,
        "fingerprint": predictions.fingerprint,
        "split": predictions.split,
        "classes": predictions.classes,
    }
    table = table.replace_schema_metadata({ABOUT: json.dumps(about)})
    with written_whole(path) as unfinished:
        parquet.write_table(table, unfinished, compression="zstd")


def numbers_of(column: Any) -> np.ndarray:
    """Returns a column of numbers as an array (rows,); its own `to_numpy` imports Pandas."""
    return np.from_dlpack(column.combine_chunks())


def cells_of(column: Any) -> np.ndarray:
    """Returns a column of lists of one length as an array (rows, length)."""
    return np.from_dlpack(column.combine_chunks().values).reshape(len(column), -1)


def texts_of(column: Any) -> np.ndarray:
    """Returns a column of texts as an array of strings (rows,)."""
    return np.array(column.to_pylist(), object)


@contextlib.contextmanager
def opened_table(path: Path) -> Iterator[tuple[Any, dict[str, Any]]]:
    """Reads a table of predictions, and what the file says of it.

    Raises:
        UserError: If the file is missing, damaged, or of a format that this version does not read.
    """
    import pyarrow as pa
    from pyarrow import parquet

    content = read_regular(path, _MOST_BYTES)
    try:
        # read_table would import Pandas, which is not used
        table = parquet.ParquetFile(pa.BufferReader(content)).read()
        about = json.loads((table.schema.metadata or {})[ABOUT])
        if about["format"] != FORMAT:
            raise UserError(
                f"{legible(path)}: is of format {about['format']}, this version reads {FORMAT}"
            )
        yield table, about
    except (pa.ArrowException, KeyError, TypeError, ValueError, AttributeError) as error:
        if isinstance(error, UserError):
            raise
        reason = str(error).strip().partition("\n")[0]
        raise UserError(f"{legible(path)}: is damaged ({reason})") from None


def read_predictions(path: Path) -> Predictions:
    """Reads what `write_predictions` wrote.

    Raises:
        UserError: If the file is missing, damaged, or of a format that this version does not read,
            or its images may have several labels.
    """
    with opened_table(path) as (table, about):
        if about.get("labels") == SEVERAL:
            raise UserError(f"{legible(path)}: is of images with several labels each")
        labels = np.from_dlpack(table["true"].combine_chunks().indices).astype(np.int64)
        return Predictions(
            data=about["data"],
            fingerprint=about["fingerprint"],
            split=about["split"],
            classes=tuple(about["classes"]),
            examples=texts_of(table["example"]),
            labels=labels,
            top=cells_of(table["top"]),
            probabilities=cells_of(table["probabilities"]),
            losses=numbers_of(table["loss"]),
            dimensions=np.stack([numbers_of(table[side]) for side in ("height", "width")], axis=1),
        )


def concatenated(tables: Sequence[Predictions], split: str) -> Predictions:
    """Returns the rows of several tables one after the other.

    Args:
        tables: One or more, of the same data and classes.
        split: What they are called together.
    """
    first = tables[0]
    return Predictions(
        first.data,
        first.fingerprint,
        split,
        first.classes,
        *(np.concatenate([getattr(table, name) for table in tables]) for name in _COLUMNS),
    )


def subset(predictions: Predictions, rows: Sequence[int] | np.ndarray) -> Predictions:
    """Returns some rows, by number or mask, in that order."""
    chosen = np.asarray(rows)
    return Predictions(
        predictions.data,
        predictions.fingerprint,
        predictions.split,
        predictions.classes,
        *(getattr(predictions, name)[chosen] for name in _COLUMNS),
    )
