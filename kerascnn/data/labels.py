"""Labels of images, of either kind: one class each, or several.

One class each are integers (N,). Several, or none, are float32 (N, classes): 1 where an image has
the label, 0 where not.
"""

from __future__ import annotations

import numpy as np


def are_sets(labels: np.ndarray) -> bool:
    """Whether an image may have several labels."""
    return bool(labels.ndim == 2)


def counts(labels: np.ndarray, classes: int) -> np.ndarray:
    """Returns how many images have each label, int64 (classes,)."""
    if are_sets(labels):
        several: np.ndarray = labels.sum(axis=0).astype(np.int64)
        return several
    one: np.ndarray = np.bincount(labels, minlength=classes)
    return one


def having(labels: np.ndarray, label: int) -> np.ndarray:
    """Returns whether each image has a label, bool (N,)."""
    found: np.ndarray = labels[:, label] > 0 if are_sets(labels) else labels == label
    return found


def present(labels: np.ndarray) -> set[int]:
    """Returns the classes that some image has."""
    found = np.flatnonzero(labels.any(axis=0)) if are_sets(labels) else labels
    return set(found.tolist())


def text_of(label: np.ndarray) -> str:
    """Returns the label, or the labels, of one image as a text, for a fingerprint."""
    return "|".join(map(str, label.nonzero()[0])) if label.ndim else str(label)


def known_rows(labels: np.ndarray, numbers: np.ndarray) -> np.ndarray:
    """Returns the images that are left where classes are given other numbers, int64, ascending.

    Args:
        labels: Of all images.
        numbers: The new number of each class, -1 where it has none. An image of such a class goes;
            one that may have several labels stays, without it.
    """
    kept = np.full(len(labels), True) if are_sets(labels) else numbers[labels] >= 0
    return np.flatnonzero(kept)


def renumbered(labels: np.ndarray, numbers: np.ndarray, classes: int) -> np.ndarray:
    """Returns labels with other numbers.

    Args:
        labels: Of images that `known_rows` leaves.
        numbers: As there.
        classes: How many there are then.
    """
    if not are_sets(labels):
        one: np.ndarray = numbers[labels]
        return one
    found = np.zeros((len(labels), classes), np.float32)
    found[:, numbers[numbers >= 0]] = labels[:, numbers >= 0]
    return found
