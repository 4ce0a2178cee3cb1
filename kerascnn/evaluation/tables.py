"""Confusion matrix and per-class figures as CSV."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path

import numpy as np


def write_confusion(confusion: np.ndarray, classes: Sequence[str], path: Path) -> None:
    """Writes counts with the true class by row and the predicted one by column."""
    with path.open("w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file)
        rows.writerow(["true \\ predicted", *classes])
        rows.writerows([name, *counts] for name, counts in zip(classes, confusion, strict=True))


def per_class(confusion: np.ndarray, classes: Sequence[str]) -> list[dict[str, str | int | float]]:
    """Returns precision, recall, F1 and count of each class, and what it is most mistaken for."""
    from sklearn.metrics import precision_recall_fscore_support

    true, predicted = np.indices(confusion.shape).reshape(2, -1)
    precision, recall, f1, support = precision_recall_fscore_support(
        true, predicted, sample_weight=confusion.ravel(), zero_division=0.0
    )
    mistaken = confusion * (1 - np.eye(len(classes), dtype=confusion.dtype))
    return [
        {
            "class": name,
            "count": int(support[index]),
            "precision": round(float(precision[index]), 6),
            "recall": round(float(recall[index]), 6),
            "f1": round(float(f1[index]), 6),
            "most mistaken for": (
                classes[int(mistaken[index].argmax())] if mistaken[index].any() else ""
            ),
        }
        for index, name in enumerate(classes)
    ]


def write_per_class(confusion: np.ndarray, classes: Sequence[str], path: Path) -> None:
    """Writes the table of `per_class`."""
    table = per_class(confusion, classes)
    with path.open("w", newline="", encoding="utf-8") as file:
        rows = csv.DictWriter(file, fieldnames=list(table[0]))
        rows.writeheader()
        rows.writerows(table)
