"""Contact sheets: rows of images with captions."""

from __future__ import annotations

import warnings
from bisect import bisect_right
from collections.abc import Sequence

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from PIL import Image

from kerascnn.text import shown
from kerascnn.visualization.writing import in_style, new_figure

_GAP, _TEXT, _MARGIN = 6, 12, 12  # pixels
_INK = "#282828"
_CELL = 88
_MOST = 160  # and large ones made smaller than this
_MISSING = 225  # grey level of an image that is not there
_DPI = 100


@in_style
def draw_sheet(
    rows: Sequence[Sequence[tuple[np.ndarray, str]]],
    *,
    title: str = "",
    note: str = "",
    names: Sequence[str] | None = None,
    side: int = _CELL,
) -> Figure:
    """Lays images out in rows, every pixel of theirs in whole pixels of the picture.

    Args:
        rows: Images uint8 (H, W, 1 or 3), all of one size, each with the caption under it, of
            any number of lines; no caption anywhere saves the room.
        title: Over the sheet.
        note: Under the title, cut off where the sheet ends.
        names: One for each row, at its left.
        side: Small images are enlarged to about this many pixels, by a whole factor; large ones
            are made smaller than 160 pixels, or than this where it is more.
    """
    plain, bold = _Font(_TEXT), _Font(_TEXT + 4, weight="bold")
    names = [shown(name) for name in names] if names else None
    height, width = rows[0][0][0].shape[:2]
    scale = max(1, side // max(height, width))
    shrink = min(1.0, max(_MOST, side) / max(height, width))
    cell = (round(width * scale * shrink), round(height * scale * shrink))
    lines = max(len(caption.splitlines()) for row in rows for _, caption in row)
    pitch = (cell[0] + _GAP, cell[1] + _GAP + lines * (_TEXT + 3) + (2 if lines else 0))
    left = _MARGIN + (max(plain.width(name) for name in names) + _MARGIN if names else 0)
    top = _MARGIN + (_TEXT + 4 + _MARGIN if title else 0) + (_TEXT + 6 if note else 0)
    extent = left + max(len(row) for row in rows) * pitch[0] - _GAP + _MARGIN
    extent = max(extent, bold.width(title) + 2 * _MARGIN)
    tall = top + len(rows) * pitch[1] - _GAP + _MARGIN
    figure = new_figure(extent / _DPI, tall / _DPI, dpi=_DPI, layout=None)

    def write(x: float, y: float, text: str, font: _Font, ha: str, va: str) -> None:
        figure.text(
            x / extent, 1 - y / tall, text, color=_INK, fontproperties=font.properties, ha=ha, va=va
        )

    write(_MARGIN, _MARGIN, title, bold, "left", "top")
    subtitle = plain.shortened(note, extent - 2 * _MARGIN)
    write(_MARGIN, _MARGIN + _TEXT + 10, subtitle, plain, "left", "top")
    sheet = np.full((tall, extent, 3), 255, np.uint8)
    for r, row in enumerate(rows):
        y = top + r * pitch[1]
        if names:
            write(_MARGIN, y + cell[1] / 2, names[r], plain, "left", "center")
        for c, (pixels, caption) in enumerate(row):
            x = left + c * pitch[0]
            sheet[y : y + cell[1], x : x + cell[0]] = _resized(pixels, cell)
            for line, text in enumerate(caption.splitlines()):
                below = y + cell[1] + 3 + line * (_TEXT + 3)
                fitting = plain.shortened(text, cell[0])
                write(x + cell[0] / 2, below, fitting, plain, "center", "top")
    figure.figimage(sheet, origin="upper")
    return figure


def in_one_size(images: Sequence[np.ndarray | None]) -> list[np.ndarray]:
    """Returns images for one sheet, uint8 of one size; as they are where they have one already.

    Args:
        images: uint8 (H, W, 1 or 3) of any sizes, brought into a square without being cut or
            stretched; None for one that is missing, which becomes a grey square.
    """
    there = [image for image in images if image is not None]
    shapes = {image.shape[:2] for image in there}
    if len(shapes) == 1:
        missing = np.full((*shapes.pop(), 3), _MISSING, np.uint8)
        return [missing if image is None else image for image in images]
    found = []
    for image in images:
        square = np.full((_MOST, _MOST, 3), 255 if image is not None else _MISSING, np.uint8)
        if image is not None:
            height, width = image.shape[:2]
            scale = _MOST / max(height, width)
            size = max(1, round(width * scale)), max(1, round(height * scale))
            top, left = (_MOST - size[1]) // 2, (_MOST - size[0]) // 2
            square[top : top + size[1], left : left + size[0]] = _resized(image, size)
        found.append(square)
    return found


def _resized(pixels: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Returns an image as RGB (height, width, 3), enlarged without and reduced with smoothing."""
    image = Image.fromarray(pixels[..., 0] if pixels.shape[-1] == 1 else pixels).convert("RGB")
    larger = size[0] > image.width
    kind = Image.Resampling.NEAREST if larger else Image.Resampling.LANCZOS
    return np.asarray(image.resize(size, kind))


class _Font:
    """A font of so many pixels, and how wide text is in it."""

    def __init__(self, pixels: int, weight: str = "normal"):
        self.properties = FontProperties(size=pixels * 72 / _DPI, weight=weight)
        self._renderer = FigureCanvasAgg(Figure(dpi=_DPI)).get_renderer()

    def width(self, text: str) -> int:
        """Returns it in pixels."""
        if not text:
            return 0
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a box for what the font has not is as wide
            found = self._renderer.get_text_width_height_descent(
                text, self.properties, ismath=False
            )
        return int(found[0]) + 1

    def shortened(self, text: str, width: int) -> str:
        """Returns text that is no wider, the end left out if need be."""
        if self.width(text) <= width:
            return text
        kept = bisect_right(
            range(1, len(text)), width, key=lambda length: self.width(f"{text[:length]}…")
        )
        return f"{text[:kept]}…"
