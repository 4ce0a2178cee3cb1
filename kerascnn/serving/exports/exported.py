"""An export asked as a run's model is: by `kerascnn predict`."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from kerascnn.errors import UserError
from kerascnn.files import UnreadableError, read_regular
from kerascnn.serving.exports.format import REPORT, format_of
from kerascnn.serving.predict import Classifier

_MOST_BYTES = 2**24  # of the report


def classifier_of_export(folder: Path) -> Classifier:
    """Returns what gives the probabilities of images by an exported file, in its own runtime.

    Args:
        folder: That `kerascnn export` wrote.

    Raises:
        UserError: If its report is damaged, or its runtime is not installed.
    """
    try:
        report = json.loads(read_regular(folder / REPORT, _MOST_BYTES))
        form = format_of(report["format"])
        height, width, channels = map(int, report["image_shape"])
        classes = tuple(map(str, report["classes"]))
        thresholds = report.get("thresholds")
        resize = report["resize"]
    except (KeyError, TypeError, ValueError, UnreadableError) as error:
        raise UserError(f"{folder / REPORT}: damaged, or of another version: {error}") from None
    form.check_installed()
    classify = form.open(folder / form.file)
    return Classifier(
        lambda images: np.stack([classify(image) for image in images]),
        (height, width, channels),
        classes,
        None if thresholds is None else tuple(map(float, thresholds)),
        resize,
    )
