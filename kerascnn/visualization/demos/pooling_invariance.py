"""What pooling leaves of a shift, on real digits."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import numpy as np
from matplotlib.figure import Figure
from PIL import Image
from pydantic import Field, field_validator

from kerascnn.data import digits
from kerascnn.errors import UserError
from kerascnn.lectures.pooling import pooled_maps, shift_distances, shifted
from kerascnn.visualization.demos.example_image import read_example
from kerascnn.visualization.kinds import Demo
from kerascnn.visualization.picture import Picture
from kerascnn.visualization.writing import in_style, new_figure

_DIGITS, _CANVAS, _DIGIT = 100, 48, 24  # images, and pixels a side


@in_style
def draw_invariance(
    image: np.ndarray,
    shifts: np.ndarray,
    distances: Mapping[tuple[str, int], np.ndarray],
    title: str,
) -> Figure:
    """Draws distances over shifts, and a digit before and after the largest shift, pooled.

    Args:
        image: (H, W), the digit.
        shifts: In pixels, (S,).
        distances: By ("max" or "average", size of the window); size 1 for no pooling, (S,) each.
        title: Over all of it.
    """
    # Of the whole image one number is left, which is no picture.
    pools = [
        key
        for key in sorted(distances, key=lambda key: (key[0] != "max", key[1]))
        if 1 < key[1] < image.shape[0]
    ]
    figure = new_figure(max(9, 1.4 * (1 + len(pools)) + 0.6), 6.7)
    figure.suptitle(title, weight="bold")
    above, below = figure.subfigures(2, 1, squeeze=False, height_ratios=[3.2, 3.4])[:, 0]
    for axes, pool in zip(above.subplots(1, 2, sharey=True), ("max", "average"), strict=True):
        for (name, size), found in distances.items():
            if name == pool or size == 1:
                whole = size == image.shape[0]
                label = "no pooling" if size == 1 else "all of it" if whole else f"{size}x{size}"
                style = {"color": "#6B7280", "ls": "--"} if size == 1 else {}
                axes.plot(shifts, found, marker="o", ms=3.5, label=label, **style)
        axes.set(title=f"{pool} pooling", xlabel="shift to the right (pixels)", ylim=(0, None))
        axes.grid(visible=True)
        axes.legend(fontsize="small")
    above.axes[0].set_ylabel("relative distance of the maps")
    most = int(shifts[-1])
    panels = below.subplots(2, 1 + len(pools))
    moved = shifted(image[np.newaxis], most)
    for row, (name, picture) in enumerate(
        ((f"{most} pixels on", moved), ("in place", image[np.newaxis]))[::-1]
    ):
        for column, (pool, size) in enumerate([("", 1), *pools]):
            axes = panels[row, column]
            axes.set(xticks=[], yticks=[])
            axes.spines[:].set_visible(True)
            maps = pooled_maps(picture, "max" if pool == "max" else "average", size)[0]
            axes.imshow(maps, cmap="gray", vmin=0, vmax=255)
            if not row:
                axes.set_title(f"{pool} {size}x{size}" if size > 1 else "image", fontsize="small")
            if not column:
                axes.set_ylabel(name, fontsize="small")
    return figure


class PoolingInvariance(Demo, name="pooling-invariance"):
    """What pooling leaves of a shift.

    How far pooled maps move, by shift and by size of the windows: the mean over 100 of the embedded
    handwritten digits, or that of an image of your own.
    """

    images: ClassVar[int] = 1
    shift: int = Field(8, ge=1, le=12, description="the largest, in pixels")
    size: tuple[int, ...] = Field(
        (2, 4, 8, 48),
        min_length=1,
        max_length=5,
        description="of the windows: 2, 3, 4, 6, 8, 12, 16, 24, or 48 for all of the image",
    )

    @field_validator("size")
    @classmethod
    def _divide(cls, sizes: tuple[int, ...]) -> tuple[int, ...]:
        for size in sizes:
            if size < 2 or _CANVAS % size:
                raise UserError(f"got {size}, must be over 1 and divide {_CANVAS}")
        return tuple(sorted(set(sizes)))

    def picture(self, images: tuple[str, ...] = ()) -> Picture:
        """Draws it."""
        if images:
            maps = _on_canvas([read_example(images[0]).mean(axis=-1)])
            if not maps.any():
                raise UserError(f"{images[0]}: is all black: a shift does not change it")
            what = "of the image"
        else:
            maps = _on_canvas([image[..., 0] for image in digits.read()[0][:_DIGITS]])
            what = f"mean over {_DIGITS} handwritten digits"
        shifts = np.arange(self.shift + 1)
        distances = {("max", 1): shift_distances(maps, "max", 1, shifts.tolist()).mean(0)}
        for size in self.size:
            for pool in ("max", "average"):
                found = shift_distances(maps, pool, size, shifts.tolist())
                distances[pool, size] = found.mean(0)
        lines = [f"distance after a shift of 1 and of {self.shift} pixels, {what}:"]
        for (pool, size), found in distances.items():
            name = f"{pool} {size}x{size}" if size > 1 else "no pooling"
            lines.append(f"  {name:15} {found[1]:.3f} {found[-1]:.3f}")
        arrays = {"image": maps[0], "shifts": shifts} | {
            f"{pool}_{size}": found for (pool, size), found in distances.items()
        }
        title = f"What pooling leaves of a shift, {what}"
        return Picture((draw_invariance(maps[0], shifts, distances, title),), arrays, tuple(lines))


def _on_canvas(images: list[np.ndarray]) -> np.ndarray:
    """Returns images (h, w) of any sizes in the middle of black squares, (N, 48, 48)."""
    canvas = np.zeros((len(images), _CANVAS, _CANVAS))
    for place, pixels in zip(canvas, images, strict=True):
        scale = _DIGIT / max(pixels.shape)
        size = [max(1, round(side * scale)) for side in pixels.shape[::-1]]
        image = Image.fromarray(pixels.astype(np.uint8)).resize(
            (size[0], size[1]), Image.Resampling.BICUBIC
        )
        top, left = (_CANVAS - size[1]) // 2, (_CANVAS - size[0]) // 2
        place[top : top + size[1], left : left + size[0]] = np.asarray(image)
    return canvas
