"""Scores over a whole split, every example counted."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TypeAlias, overload

import numpy as np
from scipy.special import expit, log_softmax, logit, logsumexp

from kerascnn import notebook
from kerascnn.augment.views import ViewSpec
from kerascnn.backend import graph_native, keras
from kerascnn.data.dataset import ImageData
from kerascnn.data.failure import named_failures
from kerascnn.data.views import view_batches
from kerascnn.evaluation.measures import Measures, measure, wilson
from kerascnn.evaluation.predictions import Predictions, predictions_of
from kerascnn.evaluation.set_predictions import SetPredictions, Table, sets_of
from kerascnn.evaluation.set_scores import SetScores, score_sets
from kerascnn.evaluation.tables import per_class
from kerascnn.inspection.layers import images_at_once

_BATCH = 500  # images at most


@dataclass(frozen=True)
class Scores:
    """How a model does on one split.

    Attributes:
        predictions: What the model said of every example.
        loss: Mean cross-entropy in nats.
        accuracy: Share of examples whose strongest class is the true one (1 - top-1 error).
        top5: Share whose true class is among the five strongest; None for 5 classes or fewer.
        interval: 95% Wilson score interval of the accuracy.
    """

    predictions: Predictions
    loss: float
    accuracy: float
    top5: float | None
    interval: tuple[float, float]

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the classes."""
        return self.predictions.classes

    @property
    def count(self) -> int:
        """Examples scored; the size of the split."""
        return self.predictions.size

    @property
    def confusion(self) -> np.ndarray:
        """Counts (classes, classes), true class by row, predicted by column."""
        return self.predictions.confusion

    @cached_property
    def measures(self) -> Measures:
        """Every further figure, with its 95% interval."""
        return measure(self.predictions)

    @property
    def trivial(self) -> tuple[str, float]:
        """The most frequent class, and the accuracy of always answering it."""
        counts = self.confusion.sum(axis=1)
        return self.classes[int(counts.argmax())], float(counts.max() / counts.sum())

    @property
    def headline(self) -> str:
        """The first figure, in words."""
        return f"accuracy {self.accuracy:.2%}"

    def __repr__(self) -> str:
        """On one line."""
        low, high = self.interval
        return (
            f"<Scores of {self.count:,} images: accuracy {self.accuracy:.2%} "
            f"({low:.2%} to {high:.2%}), loss {self.loss:.4f}>"
        )

    def _repr_html_(self) -> str:
        """The figures, and those of each class."""
        rows = per_class(self.confusion, self.classes)
        classes = notebook.table(list(rows[0]), [list(row.values()) for row in rows])
        return notebook.heading(repr(self).strip("<>")) + classes

    def metrics(self, split: str) -> dict[str, float]:
        """Returns the figures by the names they are tracked under, such as "test_accuracy"."""
        values = {
            f"{split}_loss": self.loss,
            f"{split}_accuracy": self.accuracy,
            f"{split}_accuracy_low": self.interval[0],
            f"{split}_accuracy_high": self.interval[1],
            f"{split}_count": float(self.count),
        }
        if self.top5 is not None:
            values[f"{split}_top5_accuracy"] = self.top5
        return values


def predict_logits(
    model: keras.Model, data: ImageData, split: str, test_time: ViewSpec | None = None
) -> np.ndarray:
    """Returns the logits float32 (N, classes) of every example of a split, in its order.

    Args:
        model: From uint8 images to logits.
        data: From `load`.
        split: Name of the split.
        test_time: Views of each image; their probabilities are averaged, and as logits returned.
            The image as it is if None.
    """
    test_time = test_time or ViewSpec()
    size = max(1, images_at_once(model, _BATCH) // test_time.count)
    batches = view_batches(data, split, test_time, batch_size=size)
    alone = batches.map(graph_native(lambda images, _: images))
    model.make_predict_function()
    if not model.run_eagerly:  # one trace for batches of any size, or Keras makes two
        model.predict_function.get_concrete_function([alone.element_spec])
    with named_failures(data):
        logits = np.asarray(model.predict(alone, verbose=0))
    # A batch's views come one after the other, each of the whole batch.
    step = size * test_time.count
    blocks = (logits[start : start + step] for start in range(0, len(logits), step))
    split_up = [block.reshape(test_time.count, -1, logits.shape[-1]) for block in blocks]
    by_view = np.concatenate(split_up, axis=1)  # (V, N, classes)
    assert by_view.shape[1] == data.splits[split].size, "every example is scored"
    return mean_of_views(by_view, several_labels=data.several_labels)


def mean_of_views(logits: np.ndarray, *, several_labels: bool = False) -> np.ndarray:
    """Returns what several views of an image say together, float32 (N, classes).

    Args:
        logits: float32 (V, N, classes). Their softmax is averaged over the views, and the logarithm
            returned; the logits of a single view stay as they are.
        several_labels: Whether an image may have several: then their sigmoid is.
    """
    together: np.ndarray = logits[0]
    if len(logits) > 1 and several_labels:
        together = logit(expit(logits.astype(np.float64)).mean(axis=0)).astype(np.float32)
    elif len(logits) > 1:
        together = logsumexp(log_softmax(logits, axis=-1), axis=0) - np.float32(np.log(len(logits)))
    return together


AnyScores: TypeAlias = Scores | SetScores


@overload
def score(predictions: Predictions) -> Scores: ...


@overload
def score(predictions: SetPredictions) -> SetScores: ...


def score(predictions: Table) -> AnyScores:
    """Returns the figures that every run is tracked with."""
    if isinstance(predictions, SetPredictions):
        return score_sets(predictions)
    accuracy = wilson(int(predictions.correct.sum()), predictions.size)
    among = (predictions.top[:, :5] == predictions.labels[:, None]).any(axis=1)
    return Scores(
        predictions=predictions,
        loss=float(predictions.losses.mean(dtype=np.float64)),
        accuracy=accuracy.value,
        top5=float(among.mean()) if len(predictions.classes) > 5 else None,
        interval=(accuracy.low, accuracy.high),
    )


def predict_split(model: keras.Model, data: ImageData, split: str, views: ViewSpec) -> Table:
    """Runs a model on every example of a split, in several views where so asked.

    Of "train", whose scores only tell how far the others are behind, in the central view.

    Args:
        model: From uint8 images to logits.
        data: From `load`.
        split: Name of the split.
        views: As in the recipe's `augment.test_time`.
    """
    logits = predict_logits(model, data, split, views.central if split == "train" else views)
    return (sets_of if data.several_labels else predictions_of)(logits, data, split)
