"""Contact sheets: images in a grid with their names, as a picture."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from kerascnn.data.dataset import ImageData, RecordImages
from kerascnn.errors import UserError

if TYPE_CHECKING:
    from PIL import Image

_GAP, _TEXT, _MARGIN = 6, 13, 12  # pixels
_INK, _PAPER = (40, 40, 40), (255, 255, 255)
_CELL = 88
_MOST = 160  # and large ones made smaller than this
_ROWS, _PER_ROW = 12, 10
_EARLY = 20_000  # of record files, samples are taken from the first so many images


def draw(
    rows: Sequence[Sequence[tuple[np.ndarray, str]]],
    *,
    title: str = "",
    note: str = "",
    names: Sequence[str] | None = None,
    side: int = _CELL,
) -> Image.Image:
    """Lays images out in rows.

    Args:
        rows: Images uint8 (H, W, 1 or 3), all of one size, each with the caption under it, of
            any number of lines; no caption anywhere saves the room.
        title: Over the sheet.
        note: Under the title, cut off where the sheet ends.
        names: One for each row, at its left.
        side: Small images are enlarged to about this many pixels, by a whole factor.
    """
    from PIL import Image, ImageDraw, ImageFont

    font, bold = ImageFont.load_default(_TEXT), ImageFont.load_default(_TEXT + 4)
    height, width = rows[0][0][0].shape[:2]
    scale = max(1, side // max(height, width))
    shrink = min(1.0, _MOST / max(height, width))
    cell = (round(width * scale * shrink), round(height * scale * shrink))
    lines = max(len(caption.splitlines()) for row in rows for _, caption in row)
    pitch = (cell[0] + _GAP, cell[1] + _GAP + lines * (_TEXT + 2) + (2 if lines else 0))
    left = _MARGIN + (max(int(font.getlength(n)) for n in names) + _MARGIN if names else 0)
    top = _MARGIN + (_TEXT + 4 + _MARGIN if title else 0) + (_TEXT + 4 if note else 0)
    extent = left + max(len(row) for row in rows) * pitch[0] - _GAP + _MARGIN
    extent = max(extent, int(bold.getlength(title)) + 2 * _MARGIN)
    sheet = Image.new("RGB", (extent, top + len(rows) * pitch[1] - _GAP + _MARGIN), _PAPER)
    pen = ImageDraw.Draw(sheet)
    pen.text((_MARGIN, _MARGIN), title, _INK, bold)
    room = extent - 2 * _MARGIN
    pen.text((_MARGIN, _MARGIN + _TEXT + 8), _shortened(note, font, room), _INK, font)
    for r, row in enumerate(rows):
        y = top + r * pitch[1]
        if names:
            pen.text((_MARGIN, y + cell[1] // 2), names[r], _INK, font, anchor="lm")
        for c, (pixels, caption) in enumerate(row):
            x = left + c * pitch[0]
            picture = Image.fromarray(pixels[..., 0] if pixels.shape[-1] == 1 else pixels)
            kind = Image.Resampling.NEAREST if scale > 1 else Image.Resampling.LANCZOS
            sheet.paste(picture.convert("RGB").resize(cell, kind), (x, y))
            for line, text in enumerate(caption.splitlines()):
                place = (x + cell[0] // 2, y + cell[1] + 2 + line * (_TEXT + 2))
                pen.text(place, _shortened(text, font, cell[0]), _INK, font, anchor="ma")
    return sheet


def save(sheet: Image.Image, path: Path) -> None:
    """Writes a sheet as PNG.

    Raises:
        UserError: If the file cannot be written.
    """
    try:
        sheet.save(path, "PNG")
    except OSError as error:
        raise UserError(f"cannot write {path}: {error.strerror or error}") from None


def _shortened(text: str, font, width: int) -> str:  # type: ignore[no-untyped-def]
    if font.getlength(text) <= width:
        return text
    while text and font.getlength(text + "…") > width:
        text = text[:-1]
    return text + "…"


def samples(data: ImageData, *, seed: int = 0) -> Image.Image:
    """Draws real training images: a row for each class, or one image of each where they are many.

    Args:
        data: From `load`.
        seed: Of the choice.
    """
    from kerascnn.data.pipeline import pictures

    split = data.splits["train"]
    labels = split.labels[:_EARLY] if isinstance(split.images, RecordImages) else split.labels
    shuffled = np.random.default_rng(seed).permutation(len(labels))
    many = len(data.classes) > _ROWS
    each = 1 if many else _PER_ROW
    shown = range(min(len(data.classes), _ROWS * _PER_ROW))
    picked = {label: shuffled[labels[shuffled] == label][:each] for label in shown}
    numbers = np.sort(np.concatenate(list(picked.values())))
    images = dict(zip(numbers.tolist(), pictures(data, "train", numbers), strict=True))
    title = f"{data.name}: {len(data.classes)} classes, {split.size:,} training images"
    if many:
        cells = [(images[n[0]], data.classes[label]) for label, n in picked.items() if len(n)]
        rows = [cells[i : i + _PER_ROW] for i in range(0, len(cells), _PER_ROW)]
        return draw(rows, title=title)
    rows = [[(images[n], "") for n in found] for found in picked.values() if len(found)]
    names = [data.classes[label] for label, found in picked.items() if len(found)]
    return draw(rows, title=title, names=names)
