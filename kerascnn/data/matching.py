"""Other data in the place of a model's own: its classes are matched by name."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import numpy as np

from kerascnn.data.dataset import ImageData, Split
from kerascnn.data.labels import counts as counts_of
from kerascnn.data.labels import known_rows, renumbered
from kerascnn.errors import UserError
from kerascnn.text import first_names


@dataclass(frozen=True)
class Matched:
    """Data whose labels are those of a model.

    Attributes:
        data: With the model's classes; images of others are left out, or where images have several
            labels, labels of others.
        missing: Classes of the model that the data has no images of.
        unknown: Classes of the data that the model does not know, with how many images each has.
    """

    data: ImageData
    missing: tuple[str, ...]
    unknown: dict[str, int]


def matched(data: ImageData, classes: tuple[str, ...]) -> Matched:
    """Gives data the classes of a model, by their names.

    Args:
        data: From `load`.
        classes: Names, in the order of the model's logits.

    Raises:
        UserError: If they have no class in common.
    """
    known = {name: number for number, name in enumerate(classes)}
    numbers = np.array([known.get(name, -1) for name in data.classes])
    labels_of_all = np.concatenate([split.labels for split in data.splits.values()])
    counts = counts_of(labels_of_all, len(data.classes))
    unknown = {
        name: int(count)
        for name, number, count in zip(data.classes, numbers, counts, strict=True)
        if number < 0
    }
    if len(unknown) == len(data.classes):
        raise UserError(
            f"{data.name} has none of the model's classes: it has {first_names(data.classes)}, the "
            f"model {first_names(classes)}"
        )
    splits = {}
    for name, split in data.splits.items():
        kept = known_rows(split.labels, numbers)
        labels = renumbered(split.labels[kept], numbers, len(classes))
        splits[name] = Split(name, labels, split.images.part(kept))
    missing = tuple(name for name in classes if name not in data.classes)
    return Matched(dataclasses.replace(data, classes=classes, splits=splits), missing, unknown)


def whole(data: ImageData) -> ImageData:
    """Returns data with one more split, "all", of the images of all others."""
    first, *others = data.splits.values()
    images, labels = first.images, [first.labels]
    for split in others:
        images = images.joined(split.images)  # type: ignore[arg-type]  # of one data set
        labels.append(split.labels)
    together = Split("all", np.concatenate(labels), images)
    return dataclasses.replace(data, splits={**data.splits, "all": together})
