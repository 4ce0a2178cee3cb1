"""Images with several labels: digits of scikit-learn side by side, and which they are."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
from PIL import Image
from sklearn.datasets import load_digits


def write_pairs(folder: Path, count: int, *, columns: bool = False, seed: int = 0) -> Path:
    """Writes grey PNG files of 8x16 pixels, and a table of their labels.

    Two digits side by side, the same twice where chance has it so; of every tenth image one place
    is empty, of every fiftieth both.

    Args:
        folder: To write to.
        count: Of images.
        columns: Whether each digit has a column of 0 and 1, instead of labels such as 3|7.
        seed: Of which digits are drawn.

    Returns:
        The path of the table.
    """
    folder.mkdir(parents=True, exist_ok=True)
    digits = load_digits()
    random = np.random.default_rng(seed)
    rows = []
    for number in range(count):
        image, shown = np.zeros((8, 16)), set()
        places = () if number % 50 == 0 else (number % 2,) if number % 10 == 0 else (0, 1)
        for place in places:
            chosen = random.integers(len(digits.images))
            image[:, 8 * place : 8 * place + 8] = digits.images[chosen]
            shown.add(int(digits.target[chosen]))
        name = f"{number:04}.png"
        Image.fromarray((image * 255 / 16).astype(np.uint8)).save(folder / name)
        rows.append((name, shown))
    table = folder / ("columns.csv" if columns else "table.csv")
    with table.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        if columns:
            writer.writerow(["path", *range(10)])
            writer.writerows([name, *(int(d in shown) for d in range(10))] for name, shown in rows)
        else:
            writer.writerow(["path", "label"])
            writer.writerows([name, "|".join(map(str, sorted(shown)))] for name, shown in rows)
    return table
