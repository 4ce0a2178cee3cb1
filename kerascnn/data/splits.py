"""Seeded, stratified cuts: the validation split, and the test split where the data has none.

Of images with several labels each label is divided alike (Sechidis et al. 2011).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from kerascnn.data.labels import are_sets
from kerascnn.data.labels import counts as counts_of
from kerascnn.errors import UserError


def check_folds(labels: np.ndarray, folds: int, classes: Sequence[str]) -> None:
    """Refuses more folds than the smallest class has images.

    Args:
        labels: Of all images that are cut, int (N,).
        folds: How many there are to be.
        classes: Names, for the message.

    Raises:
        UserError: If there are more.
    """
    counts = np.bincount(labels, minlength=len(classes))
    smallest = int(counts.argmin())
    needed = 4 if folds == 2 else folds  # half of a class is to be trained on and validated with
    if counts[smallest] < needed:
        raise UserError(
            f"data.folds: {folds} folds need {needed} images of every class, and "
            f"'{classes[smallest]}' has {counts[smallest]}"
        )


def fold(
    labels: np.ndarray, folds: int, number: int, seed: int, classes: Sequence[str]
) -> tuple[np.ndarray, np.ndarray]:
    """Cuts one of several equal parts off, each class divided alike.

    Args:
        labels: The labels of the examples to cut, int (N,).
        folds: How many parts there are; every example is in one.
        number: Which is cut off, from 1.
        seed: The same seed cuts the same examples.
        classes: Names, for the message.

    Returns:
        The indices that stay and those cut off, int64, each in ascending order.

    Raises:
        UserError: If a class has fewer examples than there are folds.
    """
    from sklearn.model_selection import StratifiedKFold

    check_folds(labels, folds, classes)
    parts = StratifiedKFold(folds, shuffle=True, random_state=seed).split(labels, labels)
    kept, taken = list(parts)[number - 1]
    return np.sort(kept), np.sort(taken)


def cut(
    labels: np.ndarray, fraction: float, seed: int, classes: Sequence[str], what: str
) -> tuple[np.ndarray, np.ndarray]:
    """Cuts a share of every class off.

    Args:
        labels: The labels of the examples to cut, as `kerascnn.data.labels` has them.
        fraction: To cut off, of each class; at least as many images as there are classes, or where
            images have several labels, one of each label.
        seed: The same seed cuts the same examples.
        classes: Names, for the message.
        what: "validation" or "test", for the message.

    Returns:
        The indices that stay and those cut off, int64, each in ascending order.

    Raises:
        UserError: If a class has too few examples to be in both parts.
    """
    from sklearn.model_selection import train_test_split

    counts = counts_of(labels, len(classes))
    if counts.min() < 2:
        small = ", ".join(f"{classes[i]} ({counts[i]})" for i in np.flatnonzero(counts < 2)[:5])
        raise UserError(
            f"too few images to cut a {what} split: every class needs at least 2, got {small}"
        )
    if are_sets(labels):
        return _cut_sets(labels, fraction, seed)
    number = max(round(len(labels) * fraction), len(classes))
    if len(labels) - number < len(classes):
        raise UserError(
            f"data.{what}_fraction: {fraction} of {len(labels)} images leaves "
            f"{len(labels) - number}, fewer than the {len(classes)} classes"
        )
    kept, taken = train_test_split(
        np.arange(len(labels)), test_size=number, stratify=labels, random_state=seed
    )
    return np.sort(kept), np.sort(taken)


def _cut_sets(labels: np.ndarray, fraction: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Cuts a share of the images with each label off, label by label, the rarest one first.

    Sechidis et al. 2011, "On the stratification of multi-label data", algorithm 1, for two parts,
    of which the one that is cut off is to have an image of each label. A label that most images
    share with a rarer one may be divided less evenly.
    """
    random = np.random.default_rng(seed)
    has = labels > 0
    shares = np.array([1 - fraction, fraction])
    wanted = shares[:, None] * has.sum(axis=0)  # of each label, in each part
    wanted[1] = np.maximum(wanted[1], 1)
    wanted[0] = has.sum(axis=0) - wanted[1]
    room = shares * len(labels)
    part = np.full(len(labels), -1)
    order = random.permutation(len(labels))

    def give(row: int, wishes: np.ndarray) -> None:
        best = np.flatnonzero(wishes == wishes.max())
        best = best[room[best] == room[best].max()]
        chosen = best[0] if len(best) == 1 else random.choice(best)
        part[row] = chosen
        wanted[chosen] -= has[row]
        room[chosen] -= 1

    left = has.sum(axis=0)
    while left.any():
        label = int(np.where(left > 0, left, len(labels) + 1).argmin())
        for row in order[has[order, label] & (part[order] < 0)]:
            give(row, wanted[:, label].copy())
            left -= has[row]
    for row in order[part[order] < 0]:  # without any label
        give(row, room.copy())
    return np.flatnonzero(part == 0), np.flatnonzero(part == 1)
