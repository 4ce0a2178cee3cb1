"""From image files to class names and probabilities."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import numpy as np
from scipy.special import expit, softmax

from kerascnn.augment.views import ViewSpec, shape_for_views, views
from kerascnn.backend import tf
from kerascnn.data.file_batches import FileBatch, read_batches
from kerascnn.data.images import ResizeMode
from kerascnn.evaluation.scores import mean_of_views
from kerascnn.evaluation.set_predictions import given
from kerascnn.hardware import default_device
from kerascnn.inspection.layers import images_at_once
from kerascnn.kernels.table import quicken
from kerascnn.serving.archive import SavedModel

_BATCH = 64  # images of a large network; of a small one more

_Answers: TypeAlias = "list[list[tuple[str, float]]]"  # classes and probabilities, image by image


@dataclass(frozen=True)
class Prediction:
    """What a model says of one file.

    Attributes:
        path: The file.
        classes: The most likely class names, most likely first; empty where it was unreadable. Of a
            model that gives several labels, those above their thresholds: perhaps none.
        probabilities: The probabilities of these classes, 0..1.
        error: Why the file could not be read, else None.
    """

    path: Path
    classes: tuple[str, ...] = ()
    probabilities: tuple[float, ...] = ()
    error: str | None = None


@dataclass(frozen=True)
class Classifier:
    """What gives the probabilities of images, wherever it is computed.

    Attributes:
        probabilities: From uint8 (B, H, W, C) to float32 (B, classes).
        image_shape: (H, W, C) of the images that it takes.
        classes: Names, in the order of the probabilities.
        thresholds: As `SavedModel` has them.
        resize: How images are brought to that shape.
        batch_size: How many images it takes at once, at most.
    """

    probabilities: Callable[[np.ndarray], np.ndarray]
    image_shape: tuple[int, int, int]
    classes: tuple[str, ...]
    thresholds: tuple[float, ...] | None = None
    resize: ResizeMode = "crop"
    batch_size: int = _BATCH

    def answers(self, images: np.ndarray, top: int) -> _Answers:
        """Returns the classes of each image with their probabilities, the likeliest first.

        Args:
            images: uint8 (B, H, W, C), of the shape that it takes.
            top: How many classes, where an image has one label; where it may have several, all that
                reach their thresholds are given.
        """
        return self.named(self.probabilities(images), top)

    def named(self, rows: np.ndarray, top: int) -> _Answers:
        """Returns what `answers` does, from probabilities (B, classes)."""
        order = np.argsort(-rows, axis=1, kind="stable")
        if self.thresholds is None:
            order = order[:, :top]
            reached = np.ones(order.shape, bool)
        else:
            reached = np.take_along_axis(given(rows, np.array(self.thresholds)), order, axis=1)
        shares = np.take_along_axis(rows, order, axis=1)
        return [
            [
                (self.classes[index], share)
                for index, share, is_given in zip(*one, strict=True)
                if is_given
            ]
            for one in zip(order.tolist(), shares.tolist(), reached.tolist(), strict=True)
        ]


def classifier_of(saved: SavedModel, test_time: ViewSpec | None = None) -> Classifier:
    """Returns what gives the probabilities of images by a network.

    Args:
        saved: A model with its classes and recipe.
        test_time: In which views each image is seen; those of the recipe's `augment.test_time` if
            None, as when the model was scored.
    """
    batch = max(_BATCH, images_at_once(saved.model))
    model = quicken(saved.model, default_device())
    test_time = test_time or saved.recipe.augment.test_time
    shape = model.input_shape[1:]
    larger = shape_for_views(test_time, shape)
    several = saved.thresholds is not None

    def compute(images: tf.Tensor) -> tf.Tensor:
        seen = views(images, test_time, shape)
        return model(tf.reshape(seen, (-1, *shape)), training=False)

    signature = [tf.TensorSpec((None, *larger), tf.uint8)]
    logits_of = tf.function(compute, input_signature=signature, autograph=False)

    def probabilities(images: np.ndarray) -> np.ndarray:
        logits = logits_of(images).numpy().reshape(test_time.count, len(images), -1)
        together = mean_of_views(logits, several_labels=several)
        shares: np.ndarray = expit(together) if several else softmax(together, axis=1)
        return shares

    return Classifier(
        probabilities,
        larger,
        saved.classes,
        saved.thresholds,
        saved.recipe.data.resize,
        max(1, batch // test_time.count),
    )


def predictions(
    model: SavedModel | Classifier, paths: Sequence[Path], *, top: int = 3
) -> Iterator[Prediction]:
    """Classifies image files, batch by batch, in their order.

    Files are read on all processors while the network computes, a few batches ahead of it.

    Args:
        model: A model with its classes and recipe, or what gives probabilities.
        paths: Image files of any kind that Pillow reads.
        top: How many classes to give for each file, where it has one label.

    Yields:
        One prediction per file; an unreadable one has its `error` set instead of classes.
    """
    classifier = classifier_of(model) if isinstance(model, SavedModel) else model
    shape, mode = classifier.image_shape, classifier.resize
    # Who takes the answers has something to do with them, while the network computes the next.
    with ThreadPoolExecutor(1) as computing:
        before: tuple[FileBatch, Future[_Answers]] | None = None
        for batch in read_batches(paths, shape, mode, batch_size=classifier.batch_size):
            answers = computing.submit(_answers, classifier, batch.images, top)
            if before is not None:
                yield from _in_order(*before)
            before = batch, answers
        if before is not None:
            yield from _in_order(*before)


def _answers(classifier: Classifier, images: np.ndarray, top: int) -> _Answers:
    return classifier.answers(images, top) if len(images) else []


def _in_order(batch: FileBatch, answers: Future[_Answers]) -> Iterator[Prediction]:
    found = iter(answers.result())
    for place, path in enumerate(batch.paths):
        if place in batch.errors:
            yield Prediction(path, error=batch.errors[place])
        else:
            answer = next(found)
            names = tuple([name for name, _ in answer])
            yield Prediction(path, names, tuple([share for _, share in answer]))
