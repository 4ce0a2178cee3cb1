"""What augmentation does to a data set: originals, and what training would get of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import islice

import numpy as np
from matplotlib.figure import Figure

from kerascnn.augment.spec import AugmentSpec
from kerascnn.data.dataset import ImageData, Split
from kerascnn.data.pipeline import pictures, training_batches
from kerascnn.visualization.contact_sheet import draw_sheet
from kerascnn.visualization.writing import in_style


def _spread(labels: np.ndarray, count: int) -> np.ndarray:
    """Returns that many rows, ascending: the first of each class, then the second, and so on."""
    order = np.argsort(labels, kind="stable")
    starts = np.flatnonzero(np.r_[True, np.diff(labels[order]) > 0])
    within = np.arange(len(labels)) - np.repeat(starts, np.diff(np.r_[starts, len(labels)]))
    return np.sort(order[np.lexsort((labels[order], within))][:count])


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
        seed: The seed of the augmentation.

    Returns:
        uint8 (originals, H, W, C), uint8 (originals, copies, H, W, C), and for each original its
        label followed by those of its copies.
    """
    train = data.splits["train"]
    rows = _spread(train.labels, originals)
    count = len(rows)
    names = [data.classes[label] for label in train.labels[rows]]
    own = replace(
        data,
        classes=tuple(str(number) for number in range(count)),  # so that a label tells the example
        splits={"train": Split("train", np.arange(count), train.images.part(rows))},
        cache="memory" if data.cache == "disk" else data.cache,
    )
    plain, varied = (
        islice(training_batches(own, spec, batch_size=count, seed=seed, balance="none"), copies)
        for spec in (AugmentSpec(), augment)
    )
    shown = np.zeros((count, copies, *data.image_shape), np.uint8)
    labels = [[name] for name in names]
    for epoch, ((_, order), (images, shares)) in enumerate(zip(plain, varied, strict=True)):
        if shares.shape.rank == 1:
            shares = np.eye(count)[shares]
        for number, image, share in zip(order.numpy(), images.numpy(), shares, strict=True):
            shown[number, epoch] = image
            labels[number].append(describe(np.asarray(share), names))
    return pictures(data, "train", rows), shown, labels


def describe(shares: np.ndarray, names: Sequence[str]) -> str:
    """Returns a label in words, a class on a line: "cat 0.7", "dog 0.3"; none below 0.05.

    Args:
        shares: The share of each example, (N,).
        names: The class of each; those of one class are added up.
    """
    total: dict[str, float] = {}
    for share, name in zip(shares, names, strict=True):
        total[name] = total.get(name, 0.0) + float(share)
    parts = sorted((part for part in total.items() if part[1] >= 0.05), key=lambda part: -part[1])
    if len(parts) == 1:
        return parts[0][0]
    return "\n".join(f"{name} {share:.1f}" for name, share in parts)


def _in_words(augment: AugmentSpec) -> str:
    """Returns the operations with their values."""
    found = []
    for operation in augment.operations:
        values = operation.model_dump(exclude={"name"})
        if operation.probability == 1:
            del values["probability"]
        words = (
            f"{key} {value[0]:.3g} to {value[1]:.3g}"
            if isinstance(value, tuple)
            else f"{key} {value}"
            for key, value in values.items()
        )
        found.append(f"{operation.name}: {', '.join(words)}" if values else operation.name)
    return "; ".join([*found, f"fill {augment.fill}"]) if found else "no operations"


@in_style
def draw_augmentation(
    data: ImageData, augment: AugmentSpec, *, originals: int = 8, copies: int = 8, seed: int = 0
) -> Figure:
    """Draws one row for each original, its augmented copies beside it, labels below.

    Args:
        data: From `load`.
        augment: How images are varied.
        originals: Rows.
        copies: How many epochs are shown.
        seed: The seed of the augmentation.
    """
    pixels, shown, labels = sample(data, augment, originals=originals, copies=copies, seed=seed)
    rows = [
        list(zip([original, *varied], [f"original: {texts[0]}", *texts[1:]], strict=True))
        for original, varied, texts in zip(pixels, shown, labels, strict=True)
    ]
    plain = augment.operations == AugmentSpec(preset=augment.preset).operations
    what = augment.preset if plain else "operations"
    title = f"{data.name}, augment: {what}; originals, then epochs 1 to {copies}"
    return draw_sheet(rows, title=title, note=_in_words(augment), side=128)
