"""From image files to class names and probabilities."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.special import expit, softmax

from kerascnn.augment.views import shape_for_views, views
from kerascnn.data.images import UnreadableImageError, decode, resize
from kerascnn.evaluation.scores import mean_of_views
from kerascnn.evaluation.set_predictions import given
from kerascnn.hardware import default_device
from kerascnn.kernels.table import quicken
from kerascnn.serving.archive import SavedModel

_BATCH = 64


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


def predictions(saved: SavedModel, paths: Sequence[Path], *, top: int = 3) -> Iterator[Prediction]:
    """Classifies image files, batch by batch, in their order.

    Each is seen in the views of the recipe's `augment.test_time`, as when the model was scored.

    Args:
        saved: A model with its classes and recipe.
        paths: Image files of any kind that Pillow reads.
        top: How many classes to give for each file, where it has one label.

    Yields:
        One prediction per file; an unreadable one has its `error` set instead of classes.
    """
    model = quicken(saved.model, default_device())
    shape = model.input_shape[1:]
    test_time = saved.recipe.augment.test_time
    larger = shape_for_views(test_time, shape)
    size = max(1, _BATCH // test_time.count)
    for start in range(0, len(paths), size):
        images: dict[Path, np.ndarray] = {}
        errors: dict[Path, str] = {}
        for path in paths[start : start + size]:
            try:
                images[path] = resize(decode(path), larger, saved.recipe.data.resize)
            except UnreadableImageError as error:
                errors[path] = str(error)
        rows: Iterator[np.ndarray] = iter(())
        if images:
            seen = views(np.stack([*images.values()]), test_time, shape).numpy()
            logits = np.asarray(model.predict_on_batch(seen.reshape(-1, *shape)))
            by_view = logits.reshape(test_time.count, len(images), -1)
            several = saved.thresholds is not None
            together = mean_of_views(by_view, several_labels=several)
            rows = iter(expit(together) if several else softmax(together, axis=1))
        for path in paths[start : start + size]:
            if path in errors:
                yield Prediction(path, error=errors[path])
            else:
                row = next(rows)
                best = _answers(row, saved.thresholds, top)
                yield Prediction(
                    path,
                    tuple(saved.classes[index] for index in best),
                    tuple(float(row[index]) for index in best),
                )


def _answers(row: np.ndarray, thresholds: tuple[float, ...] | None, top: int) -> np.ndarray:
    """Returns the classes that are given for an image, the likeliest first."""
    order: np.ndarray = np.argsort(-row, kind="stable")
    if thresholds is None:
        return order[:top]
    reached: np.ndarray = order[given(row, np.array(thresholds))[order]]
    return reached
