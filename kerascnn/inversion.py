"""A hint for drawings that are dark on light where those of the training are light on dark."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from scipy.special import softmax

from kerascnn.data.examples import read_images
from kerascnn.data.images import UnreadableImageError, decode, resize
from kerascnn.data.polarity import is_inverted
from kerascnn.errors import UserError
from kerascnn.serving.archive import SavedModel
from kerascnn.tracking import Run

_EXAMPLES, _FILES = 32, 20  # looked at, at most


def inversion_hints(saved: SavedModel, run: Run, files: Sequence[Path]) -> list[str]:
    """Returns a line for each drawing that would have to be inverted first.

    Only grey images are looked at, the first files of many, and only where the images that the run
    was scored on are still there.

    Args:
        saved: The model of the run.
        run: It has kept what its model said of its test images.
        files: Image files.
    """
    shape = saved.model.input_shape[1:]
    if shape[-1] != 1:
        return []
    try:
        table = run.predictions()
        examples = read_images(table.data, table.examples[:_EXAMPLES].tolist())
    except UserError:  # a hint is not worth an error
        return []
    lines = []
    for path in files[:_FILES]:
        try:
            image = decode(path)
        except UnreadableImageError:
            continue
        if is_inverted(image, [example for example in examples if example is not None]):
            seen = resize(255 - image, shape, saved.recipe.data.resize)
            shares = softmax(saved.model.predict_on_batch(seen[None])[0])
            best = int(np.argmax(shares))
            lines.append(
                f"{path}: is {_of(image)}, and the images of {run.name} are not; inverted, it would"
                f" be '{saved.classes[best]}' ({shares[best]:.1%})"
            )
    return lines


def _of(image: np.ndarray) -> str:
    corner = float(image[0].mean())
    return "dark on light" if corner > 127 else "light on dark"
