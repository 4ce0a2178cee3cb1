"""The examples that a network takes for most like an image."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Literal

import numpy as np
from matplotlib.figure import Figure
from pydantic import Field

from kerascnn.data.pipeline import pictures
from kerascnn.inspection.embedding import last_hidden, nearest, vote
from kerascnn.inspection.examples import sample
from kerascnn.visualization.contact_sheet import draw_sheet
from kerascnn.visualization.kinds import Kind
from kerascnn.visualization.picture import Picture, Subject
from kerascnn.visualization.writing import in_style

_PER_ROW = 10


@in_style
def draw_neighbours(
    pixels: np.ndarray,
    caption: str,
    images: np.ndarray,
    captions: Sequence[str],
    *,
    title: str = "",
    note: str = "",
) -> Figure:
    """Draws an image and, below it, others.

    Args:
        pixels: The image, uint8 (H, W, 1 or 3).
        caption: Under it.
        images: The others, the most alike first, uint8 (K, H, W, 1 or 3).
        captions: Under each.
        title: Over the sheet.
        note: Under the title.
    """
    cells = list(zip(images, captions, strict=True))
    rows = [cells[start : start + _PER_ROW] for start in range(0, len(cells), _PER_ROW)]
    names = ["image", "neighbours", *([""] * (len(rows) - 1))]
    return draw_sheet([[(pixels, caption)], *rows], title=title, note=note, names=names)


class Neighbours(Kind, name="neighbours"):
    """The images that the last hidden layer takes for most alike, and their vote."""

    one_label: ClassVar[bool] = True
    images: ClassVar[int] = 1
    k: int = Field(10, ge=1, le=100, description="neighbours")
    split: Literal["train", "validation", "test"] = Field(
        "train", description="of the data, that they are looked for in"
    )
    examples: int = Field(
        10_000, ge=1, le=10**9, description="of the split at most; a random sample of larger ones"
    )

    def picture(self, subject: Subject) -> Picture:
        """Draws it.

        Raises:
            UserError: If the network has not been trained, or its data is not there any more.
        """
        model, data, seen = subject.model, subject.data, subject.images[0]
        numbers = sample(data, self.split, self.examples)
        own = [int(seen.name.partition(":")[2])] if seen.name.startswith(f"{self.split}:") else []
        numbers = np.setdiff1d(numbers, own)
        found, cosines = nearest(model, data, self.split, numbers, seen.pixels, self.k)
        labels = data.splits[self.split].labels[found]
        order = np.argsort(found)
        images = np.empty((len(found), *data.image_shape), np.uint8)
        images[order] = pictures(data, self.split, found[order])
        classes = subject.classes
        elected = vote(labels, cosines)
        _, logits = last_hidden(model)(seen.pixels[np.newaxis], training=False)
        said = int(np.argmax(logits[0]))
        votes = f"{(labels == elected).sum()} of {len(labels)}"
        line = f"the neighbours vote for '{classes[elected]}' ({votes}), the network says "
        line += f"'{classes[said]}'"
        true = "" if seen.label is None else f"is {classes[seen.label]}\n"
        captions = [
            f"{classes[label]}\n{cosine:.3f}" for label, cosine in zip(labels, cosines, strict=True)
        ]
        looked = f"of {len(numbers):,} images of the {self.split} split, by the cosine between "
        figure = draw_neighbours(
            seen.pixels,
            f"{true}said {classes[said]}",
            images,
            captions,
            title=f"{subject.name}: {line}",
            note=f"{looked}their features in the last hidden layer",
        )
        return Picture(
            frames=(figure,),
            arrays={
                "image": seen.pixels,
                "neighbours": images,
                "numbers": found,
                "labels": labels,
                "cosines": cosines,
            },
            lines=(line,),
        )
