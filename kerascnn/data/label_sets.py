"""Tables of images that have several labels each, or none.

Labels stand in one column, `path,label` with `cat|dog`, or each class has a column of 0 and 1.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from kerascnn.errors import UserError
from kerascnn.files import legible

SEPARATORS = "|;,"  # between several labels of one image
_LABEL, _SPLIT = ("label", "labels"), "split"
_SAID = {"0": False, "1": True, "0.0": False, "1.0": True}


@dataclass(frozen=True)
class Row:
    """An image of a table.

    Attributes:
        number: Of the row, from 1, without the headings.
        path: Of the image, as written.
        split: As written; empty where the table does not say.
        labels: Names of classes, each once.
    """

    number: int
    path: str
    split: str
    labels: tuple[str, ...]


def class_columns(rows: Sequence[Sequence[str]]) -> list[str]:
    """Returns the headings of the columns that are a class each; none of a table of path,label."""
    head = [cell.strip() for cell in rows[0]] if rows else []
    if len(head) < 3 or head[0].lower() != "path" or head[1].lower() in _LABEL:
        return []
    return [name for name in head[1:] if name.lower() != _SPLIT]


def rows_of(rows: Sequence[Sequence[str]], table: Path) -> list[Row]:
    """Returns the images of a table.

    Args:
        rows: Its cells.
        table: Its path, for messages.

    Raises:
        UserError: If a row is not of the form of the others, or names an image again.
    """
    names = class_columns(rows)
    found = list(_of_columns(rows, names, table) if names else _of_lists(rows, table))
    first: dict[str, int] = {}
    for row in found:
        if not row.path:
            raise UserError(f"{table}: row {row.number} names no image")
        if row.path in first:
            raise UserError(
                f"{table}: row {row.number}: {legible(row.path)} is in row {first[row.path]} too: "
                "write all labels of an image in one row, cat|dog"
            )
        first[row.path] = row.number
    return found


def _of_lists(rows: Sequence[Sequence[str]], table: Path) -> Iterator[Row]:
    head = [cell.strip().lower() for cell in rows[0][:2]] if rows else []
    start = 1 if head and head[0] == "path" and head[1:] and head[1] in _LABEL else 0
    for number, row in enumerate(rows[start:], start=1):
        cells = [cell.strip() for cell in row]
        if not 2 <= len(cells) <= 3:
            raise UserError(
                f"{table}: row {number} must be path,label or path,label,split, several labels as "
                f"cat|dog, and is {legible(','.join(row))!r}"
            )
        text = cells[1]
        for mark in SEPARATORS[1:]:
            text = text.replace(mark, SEPARATORS[0])
        labels = [name.strip() for name in text.split(SEPARATORS[0])]
        yield Row(number, cells[0], "".join(cells[2:]), tuple(dict.fromkeys(filter(None, labels))))


def _of_columns(rows: Sequence[Sequence[str]], names: list[str], table: Path) -> Iterator[Row]:
    head = [cell.strip() for cell in rows[0]]
    twice = next((name for name in names if not name or names.count(name) > 1), None)
    if twice is not None:
        what = f"'{legible(twice)}' heads two columns" if twice else "a column has no heading"
        raise UserError(f"{table}: {what}: each class has a column with its name")
    used = dict.fromkeys(names, False)
    for number, row in enumerate(rows[1:], start=1):
        cells = [cell.strip() for cell in row]
        if len(cells) != len(head):
            raise UserError(
                f"{table}: row {number} has {len(cells)} cells, and the headings are {len(head)}"
            )
        split, labels = "", []
        for name, cell in zip(head[1:], cells[1:], strict=True):
            if name.lower() == _SPLIT:
                split = cell
            elif cell not in _SAID:
                raise UserError(
                    f"{table}: row {number}: '{legible(name)}' must be 0 or 1, got "
                    f"{legible(cell)!r}"
                )
            elif _SAID[cell]:
                used[name] = True
                labels.append(name)
        yield Row(number, cells[0], split, tuple(labels))
    unused = [name for name, has in used.items() if not has]
    if unused:
        raise UserError(f"{table}: no image has the label '{legible(unused[0])}': drop its column")
