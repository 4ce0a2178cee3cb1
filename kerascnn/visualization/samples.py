"""What a data set looks like."""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure

from kerascnn.data.dataset import ImageData, RecordImages
from kerascnn.data.labels import having
from kerascnn.data.pipeline import pictures
from kerascnn.visualization.contact_sheet import draw_sheet
from kerascnn.visualization.writing import in_style

_ROWS, _PER_ROW = 12, 10
_EARLY = 20_000  # of record files, samples are taken from the first so many images


@in_style
def draw_samples(data: ImageData, *, seed: int = 0) -> Figure:
    """Draws real training images: a row for each class, or one image of each where they are many.

    Args:
        data: From `load`.
        seed: The seed of the choice.
    """
    split = data.splits["train"]
    labels = split.labels[:_EARLY] if isinstance(split.images, RecordImages) else split.labels
    shuffled = np.random.default_rng(seed).permutation(len(labels))
    many = len(data.classes) > _ROWS
    each = 1 if many else _PER_ROW
    shown = range(min(len(data.classes), _ROWS * _PER_ROW))
    picked = {label: shuffled[having(labels, label)[shuffled]][:each] for label in shown}
    numbers = np.unique(np.concatenate(list(picked.values())))
    images = dict(zip(numbers.tolist(), pictures(data, "train", numbers), strict=True))
    title = f"{data.name}: {len(data.classes)} classes, {split.size:,} training images"
    if many:
        cells = [(images[n[0]], data.classes[label]) for label, n in picked.items() if len(n)]
        rows = [cells[i : i + _PER_ROW] for i in range(0, len(cells), _PER_ROW)]
        return draw_sheet(rows, title=title)
    rows = [[(images[n], "") for n in found] for found in picked.values() if len(found)]
    names = [data.classes[label] for label, found in picked.items() if len(found)]
    return draw_sheet(rows, title=title, names=names)
