"""Confusion matrix and per-class figures as CSV."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path

import numpy as np

_MATRIX = 1000  # classes; of more, nearly all of a matrix would be zeros


def write_confusion(confusion: np.ndarray, classes: Sequence[str], path: Path) -> None:
    """Writes counts with the true class by row and the predicted one by column.

    Of more than 1,000 classes, a row for each pair of a true and a predicted class that there is.
    """
    with path.open("w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file)
        if len(classes) > _MATRIX:
            rows.writerow(["true", "predicted", "count"])
            for true, predicted in np.argwhere(confusion):
                rows.writerow([classes[true], classes[predicted], confusion[true, predicted]])
            return
        rows.writerow(["true \\ predicted", *classes])
        rows.writerows([name, *counts] for name, counts in zip(classes, confusion, strict=True))


def per_class(confusion: np.ndarray, classes: Sequence[str]) -> list[dict[str, str | int | float]]:
    """Returns precision, recall, F1 and count of each class, and what it is most mistaken for."""
    # scikit-learn's own figures are of examples: of each cell one, of 10,000 classes 100 million.
    right, support, answers = np.diag(confusion), confusion.sum(axis=1), confusion.sum(axis=0)
    rows: list[dict[str, str | int | float]] = []
    for index, name in enumerate(classes):
        mistaken = confusion[index].copy()
        mistaken[index] = 0
        rows.append(
            {
                "class": name,
                "count": int(support[index]),
                "precision": _share(right[index], answers[index]),
                "recall": _share(right[index], support[index]),
                "f1": _share(2 * right[index], support[index] + answers[index]),
                "most mistaken for": classes[int(mistaken.argmax())] if mistaken.any() else "",
            }
        )
    return rows


def most_confused(confusion: np.ndarray, most: int) -> np.ndarray:
    """Returns the classes with most mistakes, ascending.

    A mistake counts for the class that it is of, and for the one that was answered.

    Args:
        confusion: Counts (classes, classes), true class by row.
        most: How many classes at the most.
    """
    mistakes = confusion.sum(axis=0) + confusion.sum(axis=1) - 2 * np.diag(confusion)
    return np.sort(np.argsort(-mistakes, kind="stable")[:most])


def confused_pairs(confusion: np.ndarray) -> np.ndarray:
    """Returns the pairs of a true and another, predicted class that there are, (P, 2), by class.

    Args:
        confusion: Counts (classes, classes), true class by row.
    """
    pairs = np.argwhere(confusion)
    apart: np.ndarray = pairs[pairs[:, 0] != pairs[:, 1]]
    return apart


def _share(part: int, whole: int) -> float:
    return round(float(part / whole), 6) if whole else 0.0


def write_per_class(confusion: np.ndarray, classes: Sequence[str], path: Path) -> None:
    """Writes the table of `per_class`."""
    table = per_class(confusion, classes)
    with path.open("w", newline="", encoding="utf-8") as file:
        rows = csv.DictWriter(file, fieldnames=list(table[0]))
        rows.writeheader()
        rows.writerows(table)
