"""What one unit sees of an image by arithmetic, and what of it the unit takes notice of."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import ClassVar, Literal

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from pydantic import Field

from kerascnn.data.pipeline import evaluation_batches
from kerascnn.errors import UserError
from kerascnn.inspection.layers import FeatureMaps, last_maps, maps_of
from kerascnn.inspection.receptive_field import (
    Sides,
    clipped,
    effective_field,
    most_of,
    receptive_field_of,
)
from kerascnn.inspection.strongest import batch_size
from kerascnn.visualization.kinds import Kind
from kerascnn.visualization.picture import Picture, Subject
from kerascnn.visualization.writing import in_style, new_figure

_SHARE = 0.95
_LONGEST = 36  # characters of an image's name
_FIELD, _NOTICED = "#C8323C", "#FFFFFF"


@in_style
def draw_receptive_field(
    pixels: np.ndarray,
    effective: np.ndarray,
    sides: Sides,
    *,
    title: str,
    name: str = "",
    note: str = "",
) -> Figure:
    """Draws an image with the field of a unit framed, and beside it the unit's effective field.

    Args:
        pixels: uint8 (H, W, C).
        effective: Of `effective_field`, (H, W).
        sides: Of `receptive_field_of`.
        title: Over the picture.
        name: Of the image.
        note: Over the effective field.
    """
    height, width = effective.shape
    figure = new_figure(8.2, max(2.8, 1.1 + 3.4 * height / width))
    figure.suptitle(title, fontsize=12, fontweight="bold", x=0.02, ha="left")
    image, heat = figure.subplots(1, 2)
    image.imshow(pixels[..., 0] if pixels.shape[-1] == 1 else pixels, cmap="gray", vmin=0, vmax=255)
    largest = effective.max()
    shown = heat.imshow(effective / (largest or 1), cmap="magma", vmin=0, vmax=1)
    bar = figure.colorbar(shown, ax=heat, shrink=0.8)
    bar.set_label("size of the derivative, of the largest")
    _outline(heat, most_of(effective, _SHARE))
    rows, columns = sides
    for axes, text in ((image, name), (heat, note)):
        # The edges of pixels lie halfway between their centres.
        corner = (columns[0] - 0.5, rows[0] - 0.5)
        size = (columns[1] - columns[0], rows[1] - rows[0])
        axes.add_patch(Rectangle(corner, *size, fill=False, edgecolor=_FIELD, linewidth=2))
        margin = 0.04 * max(height, width) + 0.5
        axes.set_xlim(-margin, width - 1 + margin)
        axes.set_ylim(height - 1 + margin, -margin)
        axes.set_title(text)
        axes.set_axis_off()
    return figure


def _outline(axes: Axes, chosen: np.ndarray) -> None:
    """Draws the edges between pixels that are chosen and those that are not."""
    padded = np.pad(chosen, 1)
    level = np.argwhere(padded[1:, 1:-1] != padded[:-1, 1:-1])[:, ::-1] - 0.5  # x, y
    upright = np.argwhere(padded[1:-1, 1:] != padded[1:-1, :-1])[:, ::-1] - 0.5
    lines = [
        *np.stack([level, level + np.array([1, 0])], axis=1),
        *np.stack([upright, upright + np.array([0, 1])], axis=1),
    ]
    axes.add_collection(LineCollection(lines, colors=_NOTICED, linewidths=1))


def _shortened(name: str) -> str:
    """Returns a name that fits over an image, its end where it is long."""
    return name if len(name) <= _LONGEST else f"…{name[1 - _LONGEST :]}"


class ReceptiveFieldPicture(Kind, name="receptive-field"):
    """What one unit sees of an image, and what it takes notice of.

    The effective field is Luo et al. 2016's.
    """

    images: ClassVar[int] = 1

    layer: str | None = Field(
        None,
        description="Of the unit, as 'kerascnn summary' lists it; the last one with feature maps "
        "if not given.",
    )
    position: str | None = Field(
        None,
        description="Of the unit in the feature map, ROW,COLUMN from 0; the middle if not given.",
    )
    unit: int | None = Field(
        None, ge=0, description="Number of the feature map; all of them together if not given."
    )
    examples: int = Field(
        64,
        ge=1,
        le=100_000,
        description="Over how many images derivatives are averaged: of the split, or random ones "
        "where the network has not been trained.",
    )
    split: Literal["train", "validation", "test"] = Field(
        "validation", description="Which images these are."
    )

    def picture(self, subject: Subject) -> Picture:
        """Draws it.

        Raises:
            UserError: For a network without feature maps, or a layer, unit or position that it has
                not.
        """
        model = subject.model
        maps = maps_of(model, self.layer) if self.layer else last_maps(model)
        position = self._position(maps)
        sides = receptive_field_of(maps, position)
        image = subject.images[0]
        effective = effective_field(model, maps, self._batches(subject), position, unit=self.unit)
        rows, columns = inside = clipped(sides, effective.shape)
        area = (rows.stop - rows.start) * (columns.stop - columns.start)
        noticed = most_of(effective, _SHARE)
        share = noticed.sum() / area
        what = "all maps" if self.unit is None else f"unit {self.unit}"
        height, width = (last - first for first, last in sides)
        field = f"{height}x{width} pixels"
        if area < height * width:
            field += f", {area:,} of them in the image"
        figure = draw_receptive_field(
            image.pixels,
            effective,
            sides,
            title=f"{subject.name}: {maps.name}, {what} at {position[0]},{position[1]}",
            name=f"{_shortened(image.name)}\nsees {height}x{width} pixels",
            note=f"{_SHARE:.0%} of the gradient\nin {share:.0%} of what it sees",
        )
        return Picture(
            frames=(figure,),
            arrays={
                "image": image.pixels,
                "effective": effective,
                "noticed": noticed,
                "field": np.array(sides),
                "inside": np.array([(part.start, part.stop) for part in inside]),
                "position": np.array(position),
            },
            lines=(
                f"{maps.name} at {position[0]},{position[1]} of {maps.shape[0]}x{maps.shape[1]}: "
                f"sees {field}",
                f"{_SHARE:.0%} of its gradient lies in {noticed.sum():,} pixels, {share:.0%} of "
                f"what it sees ({self._averaged(subject)})",
            ),
        )

    def _position(self, maps: FeatureMaps) -> tuple[int, int]:
        if self.position is None:
            return maps.shape[0] // 2, maps.shape[1] // 2
        try:
            row, column = map(int, self.position.split(","))
        except ValueError:
            raise UserError(
                f"position: got {self.position!r}, must be ROW,COLUMN such as "
                f"{maps.shape[0] // 2},{maps.shape[1] // 2}"
            ) from None
        return row, column

    def _averaged(self, subject: Subject) -> str:
        if subject.load_data is None:
            return f"on average over {self.examples:,} images of noise: it has not been trained"
        count = min(self.examples, subject.data.splits[self.split].size)
        return f"on average over {count:,} {self.split} images"

    def _batches(self, subject: Subject) -> Iterator[np.ndarray]:
        shape = subject.model.input_shape[1:]
        size = max(1, batch_size(shape) // 2)
        if subject.load_data is None:
            rng = np.random.default_rng(0)
            for first, last in pairwise([*range(0, self.examples, size), self.examples]):
                yield rng.integers(0, 256, (last - first, *shape), np.uint8)
            return
        left = self.examples
        for pixels, _ in evaluation_batches(subject.data, self.split, batch_size=size):
            yield pixels[:left]
            left -= len(pixels)
            if left <= 0:
                return
