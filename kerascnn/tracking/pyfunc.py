"""What MLflow loads a run's model with where it asks for no framework: `mlflow.pyfunc`.

`mlflow.pyfunc.load_model` and `mlflow models serve` find it by its name in the MLmodel file.
"""

from __future__ import annotations

import base64
import binascii
import io
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from kerascnn.data.images import UnreadableImageError, decode, resize
from kerascnn.errors import UserError
from kerascnn.serving.archive import load_model
from kerascnn.serving.predict import Classifier, classifier_of

if TYPE_CHECKING:
    import pandas as pd

COLUMN = "image"  # of what the model is given
_LONGEST_PATH = 4096  # characters
_SERVER = "mlflow.pyfunc.scoring_server.app"  # the module that `mlflow models serve` runs


class ImageClassifier:
    """From images of any kind and size to class names with probabilities."""

    def __init__(self, classifier: Classifier):
        self._classifier = classifier

    def predict(self, model_input: Any, params: dict[str, Any] | None = None) -> pd.DataFrame:
        """Classifies images.

        Args:
            model_input: A table with the column "image". A cell is the content of an image file
                (bytes, or base64 in text), the path of one, or pixels from 0 to 255, (h, w),
                (h, w, 1) or (h, w, 3). A server reads no paths.
            params: None are known.

        Returns:
            A row for each image: `class`, the likeliest, its `probability`, and `probabilities`,
            those of every class by name. Of a model that gives an image several labels `labels`,
            those that reach their thresholds, and `probabilities`.

        Raises:
            MlflowException: For what is no image; a server answers it with status 400.
        """
        import pandas as pd

        images = []
        for number, value in enumerate(_cells(model_input)):
            try:
                images.append(_pixels(value))
            except (UserError, ValueError) as error:
                from mlflow.exceptions import MlflowException

                raise MlflowException.invalid_parameter_value(f"image {number}: {error}") from None
        classifier, rows = self._classifier, list[dict[str, Any]]()
        for start in range(0, len(images), classifier.batch_size):
            batch = [
                resize(image, classifier.image_shape, classifier.resize)
                for image in images[start : start + classifier.batch_size]
            ]
            rows += map(self._row, classifier.probabilities(np.stack(batch)))
        return pd.DataFrame(rows)

    def _row(self, found: np.ndarray) -> dict[str, Any]:
        """Returns the answer to an image, from its probabilities (classes,)."""
        classifier = self._classifier
        by_name = dict(zip(classifier.classes, map(float, found), strict=True))
        (given,) = classifier.named(found[None], 1)
        if classifier.thresholds is not None:
            return {"labels": [name for name, _ in given], "probabilities": by_name}
        ((name, probability),) = given
        return {"class": name, "probability": probability, "probabilities": by_name}


def _load_pyfunc(path: str) -> ImageClassifier:
    """Reads the model of an MLflow model's folder; the name is MLflow's."""
    return ImageClassifier(classifier_of(load_model(Path(path) / "model.keras")))


def _cells(table: Any) -> Iterator[Any]:
    """Yields the images of a table, in order."""
    for cell in table[COLUMN]:
        # MLflow makes one row of {"image": [text, text]}.
        if isinstance(cell, list) and cell and all(isinstance(one, str | bytes) for one in cell):
            yield from cell
        else:
            yield cell


def _pixels(value: Any) -> np.ndarray:
    """Returns the pixels of what stands for an image, uint8 (h, w, 1) or (h, w, 3)."""
    if isinstance(value, bytes | bytearray | memoryview):
        return decode(io.BytesIO(value))
    if isinstance(value, str | Path):
        if _SERVER not in sys.modules and _is_file(value):
            return decode(value)
        return decode(io.BytesIO(_content(str(value))))
    return _checked(np.asarray(value))


def _is_file(text: str | Path) -> bool:
    return len(str(text)) <= _LONGEST_PATH and Path(text).is_file()


def _content(text: str) -> bytes:
    """Returns what base64 stands for, alone or as a data: address."""
    encoded = text.partition(",")[2] if text.startswith("data:") else text
    try:
        return base64.b64decode("".join(encoded.split()), validate=True)
    except (binascii.Error, ValueError):
        shown = text if len(text) <= 60 else f"{text[:60]}..."
        known = "base64 of one" if _SERVER in sys.modules else "a file that is there nor base64"
        raise UnreadableImageError(f"got {shown!r}, which is not {known}") from None


def _checked(pixels: np.ndarray) -> np.ndarray:
    """Returns pixels as uint8 with an axis of channels."""
    if pixels.ndim == 2:
        pixels = pixels[..., np.newaxis]
    if pixels.ndim != 3 or pixels.shape[-1] not in (1, 3) or 0 in pixels.shape:
        raise ValueError(f"has the shape {pixels.shape}, must be (h, w), (h, w, 1) or (h, w, 3)")
    if not np.issubdtype(pixels.dtype, np.integer) or pixels.min() < 0 or pixels.max() > 255:
        raise ValueError(f"holds {pixels.dtype}, must hold whole numbers from 0 to 255")
    return pixels.astype(np.uint8)
