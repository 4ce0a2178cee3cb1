"""A window slides over an image, and one number is made of what it sees."""

from __future__ import annotations

from typing import ClassVar, Literal

import numpy as np
from matplotlib.figure import Figure
from pydantic import Field

from kerascnn.lectures.convolution import EXAMPLES, Slide, slide
from kerascnn.lectures.pooling import Pooled, PoolName, expected, pooled
from kerascnn.visualization.demos.example_image import MOST_NUMBERS, read_example
from kerascnn.visualization.kinds import Demo
from kerascnn.visualization.number_grid import NumberGrid, draw_number_grids, short, table_of
from kerascnn.visualization.picture import Picture
from kerascnn.visualization.writing import in_style, new_figure

_EXAMPLES = {
    "downsampling": EXAMPLES["downsampling"].image,
    "levels": np.array([[1.0, 1, 2, 4], [5, 6, 7, 8], [3, 2, 1, 0], [1, 2, 3, 4]]),
}
_MOST_STEPS = 100  # of an animation
_TITLES = {
    "max": "Max pooling",
    "average": "Average pooling",
    "l1": "L1 pooling",
    "l2": "L2 pooling",
    "stochastic": "Stochastic pooling",
}
_STEPS = {
    "max": "cells",
    "average": "cells",
    "l1": "sizes",
    "l2": "squares",
    "stochastic": "probabilities",
}


@in_style
def draw_pooling_step(seen: Slide, pool: PoolName, found: Pooled, step: int) -> Figure:
    """Draws one position of a window: what it sees, what becomes of that, what comes out.

    Args:
        seen: The windows.
        pool: What is made of each.
        found: What `pooled` found.
        step: The position's number, in the order of reading.
    """
    row, column = seen.positions[step]
    high, wide = seen.cells.shape[2:]
    known = np.arange(len(seen.positions)).reshape(found.output.shape) <= step
    steps, result = found.steps[row, column], short(found.output[row, column])
    words = {
        "max": f"maximum {result}",
        "average": f"{short(steps.sum())} / {steps.size} = {result}",
        "l1": f"sum {result}",
        "l2": f"root of {short(steps.sum())}: {result}",
        "stochastic": f"drawn: {result}",
    }
    window = (row * seen.stride, column * seen.stride, high, wide)
    size = f"{seen.image.shape[0]}x{seen.image.shape[1]}"
    rows = [
        [
            NumberGrid(seen.image, f"image, {size}", window=window),
            NumberGrid(
                steps,
                _STEPS[pool],
                words[pool],
                marked=found.chosen[row, column],
                most=float(found.steps.max()),
            ),
            NumberGrid(found.output, "output", window=(row, column, 1, 1), known=known),
        ]
    ]
    place = f"{high}x{wide} at stride {seen.stride}, step {step + 1} of {len(seen.positions)}"
    return draw_number_grids(rows, f"{_TITLES[pool]}, {place}")


@in_style
def draw_pooled(image: np.ndarray, output: np.ndarray, title: str) -> Figure:
    """Draws a photograph before and after pooling, in one size.

    Args:
        image: (H, W, C) from 0 to 255.
        output: (H', W', C); numbers above 255, as L1 pooling has, make all of it darker.
        title: Over both.
    """
    high, wide = image.shape[:2]
    figure = new_figure(7.6, 1.0 + 3.6 * min(high / wide, 2))
    figure.suptitle(title, weight="bold")
    panels = figure.subplots(1, 2)
    for axes, pixels in zip(panels, (image, output), strict=True):
        axes.set_axis_off()
        levels = np.rint(pixels * min(1, 255 / max(pixels.max(), 1))).clip(0, 255).astype(np.uint8)
        axes.imshow(
            np.broadcast_to(levels, (*levels.shape[:2], 3)),
            interpolation="nearest",
            extent=(0, wide, high, 0),
        )
        axes.set_title(f"{pixels.shape[1]} x {pixels.shape[0]}", fontsize="medium")
    return figure


class Pooling(Demo, name="pooling"):
    """A window slides over an image: max, average, L1, L2 or stochastic pooling.

    With the numbers, step by step, where the image has at most 12 pixels a side.
    """

    images: ClassVar[int] = 1
    pool: PoolName = Field("max", description="what is made of a window")
    size: int = Field(2, ge=1, le=64, description="of the window, in cells a side")
    stride: int | None = Field(
        None, ge=1, le=64, description="steps between windows; if none, their size"
    )
    seed: int = Field(0, ge=0, description="of what stochastic pooling draws")
    example: Literal["downsampling", "levels"] | None = Field(
        None,
        description="which of the lectures' images, where no other is given; if none, downsampling "
        "for max and average pooling, and levels for the others",
    )

    def picture(self, images: tuple[str, ...] = ()) -> Picture:
        """Draws it: an animation where there is room for the numbers."""
        stride, window = self.stride or self.size, (self.size, self.size)
        usual = "downsampling" if self.pool in ("max", "average") else "levels"
        image = _EXAMPLES[self.example or usual][..., np.newaxis]
        if images:
            image = read_example(images[0])
            if max(image.shape[:2]) > MOST_NUMBERS:
                return self._pooled(image, stride)
        numbers = image.mean(axis=-1)
        seen = slide(numbers, window, stride=stride)
        found = pooled(seen, self.pool, seed=self.seed)
        steps = range(len(seen.positions))
        if len(steps) > _MOST_STEPS:
            steps = steps[-1:]
        frames = [draw_pooling_step(seen, self.pool, found, step) for step in steps]
        high, wide = found.output.shape
        lines = [f"{_TITLES[self.pool]}, {self.size}x{self.size} at stride {stride}: {high}x{wide}"]
        lines += [f"  {line}" for line in table_of(found.output)]
        arrays = {"image": numbers, "steps": found.steps, "output": found.output}
        if self.pool == "stochastic":
            arrays["expected"] = expected(seen)
            lines += ["in inference, the mean under these probabilities:"]
            lines += [f"  {line}" for line in table_of(arrays["expected"])]
        return Picture(tuple(frames), arrays, tuple(lines), seconds=0.8)

    def _pooled(self, image: np.ndarray, stride: int) -> Picture:
        channels = [
            slide(channel, (self.size, self.size), stride=stride, exact=False)
            for channel in np.moveaxis(image, -1, 0)
        ]
        output = np.stack(
            [pooled(seen, self.pool, seed=self.seed).output for seen in channels], axis=-1
        )
        title = f"{_TITLES[self.pool]}, {self.size}x{self.size} at stride {stride}"
        shape = f"{image.shape[0]}x{image.shape[1]} -> {output.shape[0]}x{output.shape[1]}"
        arrays = {"image": image, "output": output}
        return Picture((draw_pooled(image, output, title),), arrays, (f"{title}: {shape}",))
