"""Lists of what is wrong with a data set: images to leave out, or to give another class.

A line for each image: what it is called, a tab, the reason, and, where it is to be given another
class instead of being left out, another tab and that class.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from kerascnn.data.labels import are_sets
from kerascnn.errors import UserError, unknown
from kerascnn.files import has_folder, legible, read_regular, written_whole

_MOST_BYTES = 2**28


@dataclass(frozen=True)
class Fix:
    """What is to be done with one image.

    Attributes:
        example: Its path, relative to the folder or CSV file; its id in TFDS; its number in the
            set. As in `Predictions.examples`; of an image of `data.test`, as `name_in` gives it.
        reason: In words.
        label: The class to give it; None to leave it out.
    """

    example: str
    reason: str
    label: str | None = None


def name_in(source: str, example: str) -> str:
    """Returns what lists call an image of `data.test`, whose names may be those of other images."""
    return f"{source}/{example}"


def write_fixes(fixes: Iterable[Fix], path: Path) -> int:
    """Writes a list, whole or not at all; returns how many lines it has.

    Raises:
        UserError: If it cannot be written, or a name holds a tab or a line break.
    """
    lines = []
    for fix in fixes:
        cells = [fix.example, " ".join(fix.reason.split()), *([fix.label] if fix.label else [])]
        for cell in cells:
            if {"\t", "\n", "\r"} & set(cell):
                raise UserError(f"{legible(cell)!r}: a name with a tab or line break; rename it")
        lines.append("\t".join(cells) + "\n")
    if not has_folder(path):
        raise UserError(f"cannot write {path}: there is no folder {path.parent}")
    try:
        with written_whole(path) as unfinished:
            unfinished.write_text("".join(lines), encoding="utf-8", newline="\n")
    except OSError as error:
        raise UserError(f"cannot write {path}: {error.strerror or error}") from None
    return len(lines)


def read_fixes(path: str | Path) -> dict[str, Fix]:
    """Reads what `write_fixes` wrote, or names alone, one a line; by example.

    Raises:
        UserError: If it cannot be read, a line has more than three parts, or names what another
            line has named.
    """
    try:
        text = read_regular(path, _MOST_BYTES).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UserError(f"{legible(path)}: {error}") from None
    found: dict[str, Fix] = {}
    for number, line in enumerate(text.split("\n"), start=1):
        example, *more = line.rstrip("\r").split("\t")
        if not line.strip():
            continue
        if len(more) > 2 or not example:
            raise UserError(
                f"{legible(path)}: line {number} must be a name, a tab and the reason, perhaps a "
                f"tab and a class, and is {legible(line)!r}"
            )
        if example in found:
            raise UserError(f"{legible(path)}: line {number} names {legible(example)} again")
        reason, label = (*more, "", "")[:2]
        found[example] = Fix(example, reason, label or None)
    return found


def fixed(
    fixes: Mapping[str, Fix], examples: Sequence[str], labels: np.ndarray, classes: Sequence[str]
) -> tuple[np.ndarray, np.ndarray]:
    """Returns the rows that are left of a split, int64, ascending, and their labels.

    Args:
        fixes: By example; those of other splits have no effect.
        examples: What the images of the split are called, N of them.
        labels: Of its images, as `kerascnn.data.labels` has them.
        classes: Names, in the order of the labels.

    Raises:
        UserError: If a class is not one of these, or images have several labels.
    """
    numbers = {name: number for number, name in enumerate(classes)}
    kept, given = [], labels.copy()
    for row, example in enumerate(examples):
        fix = fixes.get(example)
        if fix is not None and fix.label is None:
            continue
        kept.append(row)
        if fix is None or fix.label is None:
            continue
        if are_sets(labels):
            raise UserError(
                f"the fix of {example} gives it one label, and images have several: mend the table "
                "of labels instead"
            )
        if fix.label not in numbers:
            raise unknown("class", fix.label, classes, hint=f"in the fix of {example}")
        given[row] = numbers[fix.label]
    rows = np.array(kept, np.int64)
    return rows, given[rows]
