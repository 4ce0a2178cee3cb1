"""The images that excite units most, found by climbing, beside the best real ones."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from matplotlib.figure import Figure
from pydantic import Field

from kerascnn.data.pipeline import evaluation_batches
from kerascnn.errors import UserError, unknown
from kerascnn.inspection.layers import images_at_once
from kerascnn.inspection.maximization import (
    Best,
    Units,
    activations,
    best_images,
    maximize,
    units_of,
)
from kerascnn.visualization.contact_sheet import draw_sheet
from kerascnn.visualization.heat import in_rows
from kerascnn.visualization.kinds import Kind
from kerascnn.visualization.picture import Picture, Subject
from kerascnn.visualization.writing import in_style

_SIDE = 112  # pixels
_OUTSIDE = 225  # grey level of what a unit sees beyond the image
_MOST = 16  # units, where none are named


@in_style
def draw_maximize(
    images: np.ndarray,
    captions: Sequence[str],
    real: np.ndarray | None,
    real_captions: Sequence[str],
    title: str,
    note: str = "",
) -> Figure:
    """Draws an image for each unit, with the best real one beside it where there is one.

    Args:
        images: uint8 (N, H, W, 1 or 3).
        captions: Of the images.
        real: uint8 (N, H, W, 1 or 3); None for none.
        real_captions: Of those.
        title: Over the sheet.
        note: Under the title.
    """
    groups = [[cell] for cell in zip(images, captions, strict=True)]
    if real is not None:
        for group, cell in zip(groups, zip(real, real_captions, strict=True), strict=True):
            group.append(cell)
    return draw_sheet(in_rows(groups), title=title, note=note, side=_SIDE)


class Maximize(Kind, name="maximize"):
    """The image that excites one unit most, found by gradient ascent.

    Of a layer with feature maps it is the unit in the middle of a map, and what it sees.
    """

    layer: str | None = Field(
        None, description="layer that the units are of; by default the logits, one for each class"
    )
    unit: tuple[str, ...] = Field(
        (),
        max_length=64,
        description="number of a unit, or name of a class; by default the first 16",
    )
    steps: int = Field(256, ge=1, le=10_000, description="steps up the gradient")
    decay: float = Field(
        0.005, ge=0, lt=1, description="part of its distance from grey that a pixel loses each step"
    )
    blur: float = Field(
        1.0, ge=0, le=10, description="pixels of the Gaussian blur of every fourth step"
    )
    jitter: int = Field(1, ge=0, le=32, description="pixels of the random shifts")
    seed: int = Field(0, ge=0, description="of the noise to start with, and of the shifts")
    examples: int = Field(
        2000,
        ge=0,
        description="validation images among which the best real one is looked for; 0 for none",
    )

    def picture(self, subject: Subject) -> Picture:
        """Draws it."""
        units = units_of(subject.model, self.layer)
        numbers = self._numbers(subject, units)
        images = maximize(
            subject.model,
            units,
            numbers,
            steps=self.steps,
            decay=self.decay,
            blur=self.blur,
            jitter=self.jitter,
            seed=self.seed,
        )
        reached = activations(units, images, numbers)
        names = [
            subject.classes[number] if self.layer is None else f"unit {number}"
            for number in numbers
        ]
        arrays = {"units": numbers, "images": images, "reached": reached}
        shown = np.stack([_cut(image, units.window(units.middle)) for image in images])
        real, real_captions, lines = None, list[str](), []
        if self.examples and subject.load_data is not None:
            best = best_images(units, numbers, _validation(subject, self.examples))
            real = _patches(units, best)
            real_captions = [f"real {value:.3g}" for value in best.values]
            arrays |= {"real": best.images, "real_reached": best.values, "places": best.places}
            more = int((reached > best.values).sum())
            lines.append(
                f"{more} of {len(numbers)} found images excite their unit more than the best of "
                f"{best.seen:,} validation images"
            )
        dead = [name for name, value in zip(names, reached, strict=True) if value <= 0]
        if dead:
            lines.append(f"not above 0: {', '.join(dead)}")
        captions = [f"{name}: {value:.3g}" for name, value in zip(names, reached, strict=True)]
        where = "the logits" if self.layer is None else self.layer
        figure = draw_maximize(
            shown,
            captions,
            real,
            real_captions,
            f"{subject.name}: what excites {where}",
            "made by gradient ascent"
            + ("" if real is None else "; beside each, the best of the validation images"),
        )
        return Picture((figure,), arrays, tuple(lines))

    def _numbers(self, subject: Subject, units: Units) -> np.ndarray:
        """Returns which units are meant.

        Raises:
            UserError: If there is no such unit.
        """
        found = []
        for name in self.unit:
            if self.layer is None and name in subject.classes:
                found.append(subject.classes.index(name))
            elif name.isdecimal() and int(name) < units.count:
                found.append(int(name))
            elif self.layer is None:
                raise unknown("class", name, subject.classes)
            else:
                raise UserError(
                    f"unit: got '{name}', layer '{self.layer}' has 0 to {units.count - 1}"
                )
        return np.array(found or range(min(_MOST, units.count)))


def _validation(subject: Subject, count: int) -> Iterator[np.ndarray]:
    """Yields the first validation images, in batches."""
    size = images_at_once(subject.model)
    left = count
    for images, _ in evaluation_batches(subject.data, "validation", batch_size=size):
        yield images.numpy()[:left]
        left -= size
        if left <= 0:
            return


def _patches(units: Units, best: Best) -> np.ndarray:
    """Returns what each unit sees where it does most."""
    places = [None if units.maps is None else (row, column) for row, column in best.places.tolist()]
    return np.stack(
        [_cut(image, units.window(place)) for image, place in zip(best.images, places, strict=True)]
    )


def _cut(image: np.ndarray, window: tuple[int, int, int, int]) -> np.ndarray:
    """Returns a part of an image, light grey where it has none."""
    top, left, bottom, right = window
    cut = np.full((bottom - top, right - left, image.shape[-1]), _OUTSIDE, np.uint8)
    height, width = image.shape[:2]
    inside = image[max(top, 0) : min(bottom, height), max(left, 0) : min(right, width)]
    row, column = max(-top, 0), max(-left, 0)
    cut[row : row + inside.shape[0], column : column + inside.shape[1]] = inside
    return cut
