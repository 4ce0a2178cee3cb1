"""A picture of what augmentation does: originals, and the batches that training would get."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from kerascnn.data.dataset import ImageData, Split
from kerascnn.data.pipeline import evaluation_batches, training_batches
from kerascnn.recipe import AugmentSpec

_TILE = (96, 176)  # images are brought to a height between these, in pixels of the sheet
_GAP, _TEXT, _HEAD = 8, 15, 62


def _spread(labels: np.ndarray, count: int) -> np.ndarray:
    """Returns rows of examples, one of each class in turn."""
    order = np.argsort(labels, kind="stable")
    starts = np.flatnonzero(np.r_[True, np.diff(labels[order]) > 0])
    within = np.arange(len(labels)) - np.repeat(starts, np.diff(np.r_[starts, len(labels)]))
    # The first of each class, then the second of each.
    return order[np.lexsort((labels[order], within))][:count]


def sample(
    data: ImageData, augment: AugmentSpec, *, originals: int, copies: int, seed: int
) -> tuple[np.ndarray, np.ndarray, list[list[str]]]:
    """Returns some training images, and each as the first epochs of a training would show it.

    They go through the training's own pipeline, as a data set of their own.

    Args:
        data: From `load`.
        augment: How images are varied.
        originals: How many images, of different classes as far as possible.
        copies: Epochs.
        seed: Of the augmentation.

    Returns:
        uint8 (originals, H, W, C), uint8 (originals, copies, H, W, C), and for each original its
        label followed by those of its copies.
    """
    train = data.splits["train"]
    rows = np.sort(_spread(train.labels, originals))
    count = len(rows)
    names = [data.classes[label] for label in train.labels[rows]]
    own = replace(
        data,
        spec=data.spec.model_copy(update={"balance": "none"}),
        classes=tuple(str(number) for number in range(count)),  # each example its own class
        splits={"train": Split("train", np.arange(count), train.images.part(rows))},
        cache="memory" if data.cache == "disk" else data.cache,
    )
    pixels = next(iter(evaluation_batches(own, "train", batch_size=count)))[0].numpy()
    plain, varied = (
        islice(training_batches(own, spec, batch_size=count, seed=seed), copies)
        for spec in (AugmentSpec(), augment)
    )
    shown = np.zeros((count, copies, *data.image_shape), np.uint8)
    labels = [[name] for name in names]
    for epoch, ((_, numbers), (images, shares)) in enumerate(zip(plain, varied, strict=True)):
        for number, image, share in zip(numbers.numpy(), images.numpy(), shares, strict=True):
            shown[number, epoch] = image
            mixed = np.eye(count)[share] if share.shape.rank == 0 else share.numpy()
            labels[number].append(describe(mixed, names))
    return pixels, shown, labels


def describe(shares: Sequence[float] | np.ndarray, names: Sequence[str]) -> str:
    """Returns a label in words, such as "cat 0.7 dog 0.3": the largest shares that round above 0.

    Args:
        shares: Of each example.
        names: The class of each; those of one class are added up.
    """
    total: dict[str, float] = {}
    for share, name in zip(shares, names, strict=True):
        total[name] = total.get(name, 0.0) + float(share)
    parts = [(name, share) for name, share in total.items() if share >= 0.05]
    parts.sort(key=lambda part: -part[1])
    if len(parts) == 1:
        return parts[0][0]
    return " ".join(f"{name} {share:.1f}" for name, share in parts)


def _font(size: int) -> ImageFont.FreeTypeFont:
    import matplotlib  # brings a font with most alphabets

    return ImageFont.truetype(
        str(Path(matplotlib.get_data_path()) / "fonts" / "ttf" / "DejaVuSans.ttf"), size
    )


def _tile(image: np.ndarray) -> Image.Image:
    picture = Image.fromarray(image if image.shape[-1] == 3 else image[..., 0]).convert("RGB")
    height, width = image.shape[:2]
    low, high = _TILE
    if height > high:
        return picture.resize((round(width * high / height), high), Image.Resampling.LANCZOS)
    times = max(1, -(-low // height))
    return picture.resize((width * times, height * times), Image.Resampling.NEAREST)


def _cut(draw: ImageDraw.ImageDraw, text: str, font: ImageFont.FreeTypeFont, width: int) -> str:
    """Returns the text, shortened so that it fits."""
    if draw.textlength(text, font) <= width:
        return text
    while text and draw.textlength(text + "…", font) > width:
        text = text[:-1]
    return text + "…"


def describe_operations(augment: AugmentSpec) -> str:
    """Returns the operations with their values on one line."""
    lines = []
    for operation in augment.operations:
        values = operation.model_dump(exclude={"name", "probability"})
        if operation.probability < 1:
            values["probability"] = operation.probability
        found = (
            f"{key} {value[0]:g}..{value[1]:g}" if isinstance(value, tuple) else f"{key} {value}"
            for key, value in values.items()
        )
        lines.append(" ".join([operation.name, f"({', '.join(found)})" if values else ""]).strip())
    return ", ".join(lines) or "no operations"


def draw_contact_sheet(
    data: ImageData,
    augment: AugmentSpec,
    path: Path,
    *,
    originals: int = 8,
    copies: int = 8,
    seed: int = 0,
) -> None:
    """Writes a PNG with one row per original and its augmented copies beside it, labels below.

    Args:
        data: From `load`.
        augment: How images are varied.
        path: Of the PNG.
        originals: Rows.
        copies: Columns after the original's: what the first epochs show.
        seed: Of the augmentation.
    """
    pixels, shown, labels = sample(data, augment, originals=originals, copies=copies, seed=seed)
    width, height = _tile(pixels[0]).size
    step_x, step_y = width + _GAP, height + _TEXT + _GAP
    size = (3 * _GAP + step_x * (copies + 1), _HEAD + step_y * len(pixels))
    sheet = Image.new("RGB", size, "white")
    draw = ImageDraw.Draw(sheet)
    title, small = _font(14), _font(10)
    draw.text((_GAP, 6), f"{data.name}: {augment.preset}", "black", title)
    words = f"{describe_operations(augment)}; fill {augment.fill}"
    draw.text((_GAP, 26), _cut(draw, words, small, size[0] - 2 * _GAP), "dimgrey", small)
    for column in range(copies + 1):
        left = _GAP + column * step_x + (2 * _GAP if column else 0)
        head = f"epoch {column}" if column else "original"
        draw.text((left, _HEAD - 18), head, "black", small)
        for row, tiles in enumerate(zip(pixels, shown, labels, strict=True)):
            top = _HEAD + row * step_y
            sheet.paste(_tile(tiles[1][column - 1] if column else tiles[0]), (left, top))
            text = _cut(draw, tiles[2][column], small, width)
            draw.text((left, top + height + 1), text, "black", small)
    sheet.save(path)
