"""A kernel slides over an image, step by step."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import ClassVar

import numpy as np
from matplotlib.figure import Figure
from pydantic import Field, field_validator

from kerascnn.errors import UserError
from kerascnn.lectures.convolution import (
    EXAMPLES,
    KERNELS,
    Example,
    ExampleName,
    Slide,
    convolved,
    read_kernel,
    slide,
)
from kerascnn.visualization.demos.example_image import MOST_NUMBERS, read_example
from kerascnn.visualization.kinds import Demo
from kerascnn.visualization.number_grid import NumberGrid, draw_number_grids, short, table_of
from kerascnn.visualization.picture import Picture
from kerascnn.visualization.writing import in_style, new_figure

_MOST_STEPS = 100  # of an animation


@in_style
def draw_step(
    seen: Slide,
    kernels: Mapping[str, np.ndarray],
    step: int,
    *,
    padding: int = 0,
    squashing: tuple[float, float] | None = None,
) -> Figure:
    """Draws one position of a window: what it sees, the products with each kernel, their sum.

    Args:
        seen: The windows.
        kernels: By name, (F, G) each; a row of the picture for each of them.
        step: The position's number, in the order of reading.
        padding: How much of the image's edge is padding.
        squashing: (slope, offset) of a sigmoid after the kernel; None for none.
    """
    row, column = seen.positions[step]
    high, wide = seen.cells.shape[2:]
    known = np.arange(len(seen.positions)).reshape(seen.cells.shape[:2]) <= step
    window = (row * seen.stride, column * seen.stride, high, wide)
    size = f"{seen.image.shape[0]}x{seen.image.shape[1]}"
    image = NumberGrid(seen.image, f"image, {size}", window=window, padding=padding)
    rows = []
    for number, (name, kernel) in enumerate(kernels.items()):
        products = seen.cells[row, column] * kernel
        output = convolved(seen, kernel)
        most = float(np.abs(seen.cells * kernel).max())
        grids = [
            None if number else image,
            NumberGrid(kernel, name),
            NumberGrid(products, "products", f"sum {short(products.sum())}", most=most),
            NumberGrid(output, "output", window=(row, column, 1, 1), known=known),
        ]
        if squashing is not None:
            slope, offset = squashing
            squashed = np.round(_squashed(output, squashing), 2)
            title = f"sigmoid({slope:g} x {'-' if offset < 0 else '+'} {abs(offset):g})"
            grids.append(NumberGrid(squashed, title, known=known, window=(row, column, 1, 1)))
        rows.append(grids)
    place = f"stride {seen.stride}, step {step + 1} of {len(seen.positions)}"
    return draw_number_grids(rows, f"Convolution, {place}")


@in_style
def draw_filtered(
    image: np.ndarray, kernels: Mapping[str, np.ndarray], outputs: Sequence[np.ndarray]
) -> Figure:
    """Draws a photograph, and for each kernel its numbers over what comes out.

    Outputs are cut off at 0 and 255. Where a kernel's numbers add up to nothing, so that an even
    surface gives 0, grey stands for 0, and the largest size of number for white or black.

    Args:
        image: (H, W, C) from 0 to 255.
        kernels: By name, (F, G) each.
        outputs: (H', W', C), one for each kernel.
    """
    columns = len(kernels) + 1
    high, wide = image.shape[:2]
    side = 2.3
    tall = side * min(high / wide, 2)
    figure = new_figure(side * columns, 2.1 + tall)
    figure.suptitle("Convolution with fixed kernels", weight="bold")
    panels = figure.subplots(2, columns, squeeze=False, height_ratios=[1.1, tall])
    for axes in panels.flat:
        axes.set_axis_off()
    panels[1, 0].imshow(_shown(image, signed=False))
    panels[1, 0].set_title(f"{wide} x {high} pixels", fontsize="medium")
    for column, ((name, kernel), output) in enumerate(
        zip(kernels.items(), outputs, strict=True), start=1
    ):
        signed = abs(kernel.sum()) < 1e-9
        texts = [[short(number) for number in row] for row in kernel]
        numbers = panels[0, column].table(texts, cellLoc="center", bbox=(0.15, 0, 0.7, 1))
        numbers.auto_set_font_size(False)
        numbers.set_fontsize(9)
        for cell in numbers.get_celld().values():
            cell.set_edgecolor("#b4b4b4")
        panels[0, column].set_title(name)
        panels[1, column].imshow(_shown(output, signed=signed))
        panels[1, column].set_title("grey is 0" if signed else "", fontsize="medium")
    return figure


def _shown(pixels: np.ndarray, *, signed: bool) -> np.ndarray:
    """Returns levels (H, W, C) as RGB uint8."""
    if signed:
        grey = pixels.mean(axis=-1, keepdims=True)
        most = float(np.quantile(np.abs(grey), 0.995)) or 1.0
        pixels = 127.5 + 127.5 * grey / most
    levels = np.rint(pixels).clip(0, 255).astype(np.uint8)
    return np.broadcast_to(levels, (*levels.shape[:2], 3))


def _squashed(output: np.ndarray, squashing: tuple[float, float]) -> np.ndarray:
    slope, offset = squashing
    squashed: np.ndarray = 1 / (1 + np.exp(-(slope * output + offset)))
    return squashed


class Convolution(Demo, name="convolution"):
    """A kernel slides over an image, step by step, with the numbers.

    As the lectures do, and networks, it does not flip the kernel: mathematicians call that
    cross-correlation. An image of more than 12 pixels a side is filtered as a whole.
    """

    images: ClassVar[int] = 1
    kernel: tuple[str, ...] = Field(
        (),
        max_length=6,
        description=f"{', '.join(KERNELS)}, or rows such as '1 0 -1; 1 0 -1'; give it again for a "
        "second kernel. If none: those of the example; for an image edge, or all of these where it "
        "is filtered as a whole",
    )
    stride: int | None = Field(
        None, ge=1, le=64, description="steps between windows; if none, that of the example, or 1"
    )
    padding: int = Field(0, ge=0, le=8, description="rows and columns of zeros around the image")
    example: ExampleName = Field(
        "two-filters", description="which of the lectures' examples, where no image is given"
    )

    @field_validator("kernel")
    @classmethod
    def _is_kernel(cls, texts: tuple[str, ...]) -> tuple[str, ...]:
        for text in texts:
            read_kernel(text)
        return texts

    def picture(self, images: tuple[str, ...] = ()) -> Picture:
        """Draws it: an animation where there is room for the numbers."""
        kernels = {text: read_kernel(text) for text in self.kernel}
        if not images:
            example = EXAMPLES[self.example]
            chosen = kernels or example.kernels
            return self._steps(replace(example, kernels=chosen))
        image = read_example(images[0])
        if max(image.shape[:2]) > MOST_NUMBERS:
            return self._filtered(image, kernels or KERNELS)
        return self._steps(Example(image.mean(axis=-1), kernels or {"edge": KERNELS["edge"]}))

    def _steps(self, example: Example) -> Picture:
        kernels, squashing = example.kernels, example.squashing
        sizes = {kernel.shape for kernel in kernels.values()}
        if len(sizes) > 1:
            raise UserError(
                f"kernel: got {' and '.join(f'{h}x{w}' for h, w in sorted(sizes))}, kernels that "
                "slide over an image together must be of one size"
            )
        (size,) = sizes
        stride = self.stride or example.stride
        seen = slide(example.image, size, stride=stride, padding=self.padding, exact=example.exact)
        steps = range(len(seen.positions))
        if len(steps) > _MOST_STEPS:
            steps = steps[-1:]
        frames = tuple(
            draw_step(seen, kernels, step, padding=self.padding, squashing=squashing)
            for step in steps
        )
        lines = []
        rows, columns = seen.left_out
        if rows or columns:
            lines.append(f"no window sees the last rows ({rows}) and columns ({columns})")
        arrays = {"image": example.image}
        for number, (name, kernel) in enumerate(kernels.items(), start=1):
            output = convolved(seen, kernel)
            arrays |= {f"kernel_{number}": kernel, f"output_{number}": output}
            lines.append(f"{name}, stride {stride}: {output.shape[0]}x{output.shape[1]}")
            lines += _indented(table_of(output))
            if squashing is not None:
                arrays[f"squashed_{number}"] = _squashed(output, squashing)
                after = np.round(arrays[f"squashed_{number}"], 2)
                lines += ["after the sigmoid:", *_indented(table_of(after))]
        return Picture(frames, arrays, tuple(lines))

    def _filtered(self, image: np.ndarray, kernels: Mapping[str, np.ndarray]) -> Picture:
        stride = self.stride or 1
        outputs = []
        for kernel in kernels.values():
            high, wide = kernel.shape
            channels = [
                slide(channel, (high, wide), stride=stride, padding=self.padding, exact=False)
                for channel in np.moveaxis(image, -1, 0)
            ]
            outputs.append(np.stack([convolved(seen, kernel) for seen in channels], axis=-1))
        lines = [
            f"{name}: {image.shape[0]}x{image.shape[1]} -> {output.shape[0]}x{output.shape[1]}, "
            f"from {output.min():.1f} to {output.max():.1f}"
            for name, output in zip(kernels, outputs, strict=True)
        ]
        arrays = {"image": image}
        for number, (kernel, output) in enumerate(
            zip(kernels.values(), outputs, strict=True), start=1
        ):
            arrays |= {f"kernel_{number}": kernel, f"output_{number}": output}
        return Picture((draw_filtered(image, kernels, outputs),), arrays, tuple(lines))


def _indented(lines: Sequence[str]) -> list[str]:
    return [f"  {line}" for line in lines]
