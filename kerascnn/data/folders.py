"""Folders of images, a folder per class, and CSV files of path,label: what is where."""

from __future__ import annotations

import csv
import io
import os
import stat
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from kerascnn.data.images import IMAGE_ENDINGS
from kerascnn.data.label_sets import SEPARATORS, class_columns, rows_of
from kerascnn.data.labels import present
from kerascnn.data.sources import Source
from kerascnn.data.spec import LabelKind
from kerascnn.errors import UserError, unknown
from kerascnn.files import (
    check_name,
    entries,
    is_folder,
    leads_to_folder,
    legible,
    outside,
    read_regular,
    status,
)

_MOST_BYTES = 2**28  # of a CSV file
_ONE = "; an image has one label, unless train --labels several (data.labels) says else"

SPLIT_FOLDERS = {
    "train": "train",
    "training": "train",
    "val": "validation",
    "valid": "validation",
    "validation": "validation",
    "test": "test",
    "testing": "test",
}


@dataclass(frozen=True)
class Listing:
    """The image files of a data set, not yet opened.

    Attributes:
        root: That the paths are relative to.
        classes: Sorted names.
        splits: "train" and, where the data has them, "validation" and "test": paths and labels, as
            `kerascnn.data.labels` has them.
    """

    root: Path
    classes: tuple[str, ...]
    splits: dict[str, tuple[tuple[str, ...], np.ndarray]]


def _folders(parent: Path) -> list[Path]:
    """Returns the folders in a folder, sorted."""
    found = [
        Path(entry.path)
        for entry in entries(parent)
        if not entry.name.startswith(".") and leads_to_folder(entry)
    ]
    for path in found:
        check_name(path)
    return found


def image_files(folder: Path) -> Iterator[Path]:
    """Every image below a folder, sorted, through symlinks, but not back to a folder above.

    Raises:
        UserError: If a folder cannot be read, or an image has a name that is no text.
    """
    above = [os.path.realpath(folder)]
    open_ = [iter(entries(folder))]  # may become deeper than Python's recursion
    while open_:
        entry = next(open_[-1], None)
        if entry is None:
            open_.pop()
            above.pop()
        elif entry.name.startswith("."):
            continue
        elif leads_to_folder(entry):
            below = os.path.realpath(entry.path)
            if below not in above:
                above.append(below)
                open_.append(iter(entries(Path(entry.path))))
        else:
            ending = os.path.splitext(entry.name)[1].lower()
            if ending in IMAGE_ENDINGS or ending in ("", "."):
                check_name(entry.path)
                yield Path(entry.path)


def _checked(root: Path, classes: list[str], part: str) -> None:
    if len(classes) < 2:
        found = f"only '{classes[0]}'" if classes else "none"
        raise UserError(
            f"{root}: must hold a folder per class, at least two{part}, and holds {found}"
        )


def scan_folder(root: Path) -> Listing:
    """Lists a folder per class, or train/ with val/ and test/ that hold a folder per class each.

    Raises:
        UserError: If it does not exist or cannot be read, or holds fewer than two classes, or one
            without images.
    """
    if not is_folder(root):
        raise UserError(
            f"{legible(root)}: {'no such folder' if status(root) is None else 'is not a folder'}"
        )
    below = _folders(root)
    if not below and next(image_files(root), None) is None:
        raise UserError(f"{root}: is empty; it must hold a folder of images per class")
    named = {path: SPLIT_FOLDERS.get(path.name.lower()) for path in below}
    if "train" in named.values() and all(named.values()):
        parts = {split: path for path, split in named.items() if split}
    else:
        parts = {"train": root}
    classes = [path.name for path in _folders(parts["train"])]
    _checked(parts["train"], classes, "")
    splits = {}
    for split, folder in parts.items():
        extra = sorted({path.name for path in _folders(folder)} - set(classes))
        if extra:
            raise UserError(f"{folder}: class '{extra[0]}' is not in {parts['train']}")
        paths: list[str] = []
        labels: list[int] = []
        for label, name in enumerate(classes):
            if not is_folder(folder / name):
                continue  # a class may be missing from val/ or test/
            files = list(image_files(folder / name))
            if not files:
                raise UserError(f"{folder / name}: class folder without images")
            paths += [path.relative_to(root).as_posix() for path in files]
            labels += [label] * len(files)
        if not paths:
            raise UserError(f"{folder}: holds no class folders with images")
        splits[split] = (tuple(paths), np.array(labels, np.int64))
    return Listing(root, tuple(classes), splits)


def scan_csv(table: Path) -> Listing:
    """Lists a CSV of path,label with paths relative to it; a third column may name the split.

    Raises:
        UserError: If it cannot be read, a row is short, names a missing file or holds several
            labels, or it holds fewer than two classes.
    """
    rows = _rows(table)
    if names := class_columns(rows):
        raise UserError(
            f"{table}: has the columns path and {legible(', '.join(names[:3]))}"
            f"{', ...' if len(names) > 3 else ''}: where each class has a column of 0 and 1, train "
            "with --labels several (data.labels); one label an image is path,label"
        )
    if rows and [cell.strip().lower() for cell in rows[0][:2]] == ["path", "label"]:
        rows = rows[1:]
    found: dict[str, tuple[list[str], list[str]]] = {}
    for number, row in enumerate(rows, start=1):
        cells = [cell.strip() for cell in row]
        if len(cells) < 2 or not cells[0] or not cells[1]:
            hint = _ONE if cells[0] and len(cells) > 1 else ""
            raise UserError(
                f"{table}: row {number} must be path,label and is {legible(','.join(row))!r}{hint}"
            )
        split = _split_of(table, number, "".join(cells[2:3]), _ONE)
        _check_label(table, number, cells[1])
        _check_row(table, number, cells[0])
        paths, names = found.setdefault(split, ([], []))
        paths.append(cells[0])
        names.append(cells[1])
    classes = sorted(set(found.get("train", ([], []))[1]))
    _checked(table, classes, " in its training rows")
    known = {name: label for label, name in enumerate(classes)}
    splits = {}
    for split, (paths, names) in found.items():
        _check_trained(table, names, classes)
        splits[split] = (tuple(paths), np.array([known[name] for name in names], np.int64))
    return Listing(table.parent, tuple(classes), splits)


def scan_label_sets(table: Path) -> Listing:
    """Lists a CSV whose images have several labels each, or none; see `data.label_sets`.

    Raises:
        UserError: If it cannot be read, a row is not as it should be or names a missing file, or it
            holds fewer than two classes.
    """
    found: dict[str, tuple[list[str], list[tuple[str, ...]]]] = {}
    for row in rows_of(_rows(table), table):
        split = _split_of(table, row.number, row.split)
        _check_row(table, row.number, row.path)
        paths, sets = found.setdefault(split, ([], []))
        paths.append(row.path)
        sets.append(row.labels)
    classes = sorted({name for names in found.get("train", ([], []))[1] for name in names})
    if len(classes) < 2:
        holds = f"only '{legible(classes[0])}'" if classes else "none"
        raise UserError(
            f"{table}: must hold two labels or more in its training rows, and holds {holds}"
        )
    splits = {}
    for split, (paths, sets) in found.items():
        _check_trained(table, [name for names in sets for name in names], classes)
        matrix = [[name in names for name in classes] for names in sets]
        splits[split] = (tuple(paths), np.array(matrix, np.float32))
    return Listing(table.parent, tuple(classes), splits)


def _rows(table: Path) -> list[list[str]]:
    """Returns the cells of a CSV file, without its empty lines."""
    try:
        text = read_regular(table, _MOST_BYTES).decode("utf-8-sig")
        return [row for row in csv.reader(io.StringIO(text, newline="")) if row]
    except (UnicodeDecodeError, csv.Error) as error:
        raise UserError(f"{legible(table)}: {error}") from None


def _split_of(table: Path, number: int, cell: str, hint: str = "") -> str:
    split = SPLIT_FOLDERS.get(cell.lower()) if cell else "train"
    if split is None:
        raise UserError(
            f"{table}: row {number}: split must be train, val or test, got {legible(cell)!r}{hint}"
        )
    return split


def _check_trained(table: Path, names: Iterable[str], classes: list[str]) -> None:
    extra = sorted(set(names) - set(classes))
    if extra:
        raise UserError(f"{table}: class '{extra[0]}' has no training rows")


def _check_label(table: Path, number: int, label: str) -> None:
    """Refuses what would become a class of its own for every mixture of labels."""
    found = next((mark for mark in SEPARATORS if mark in label), None)
    if found is not None:
        raise UserError(
            f"{table}: row {number}: '{legible(label)}' looks like several labels, and an image "
            "has one unless train --labels several (data.labels) says else; if it is the name of "
            f"one class, write it without '{found}'"
        )


def _check_row(table: Path, number: int, name: str) -> None:
    try:
        found = status(table.parent / name)
    except UserError as error:
        raise UserError(f"{table}: row {number}: {error}") from None
    if found is None or stat.S_ISDIR(found.st_mode):
        raise UserError(f"{table}: row {number}: no such file: {legible(name)}")


def scan(source: Source, labels: LabelKind = "one") -> Listing:
    """Lists the image files of a folder or a CSV file.

    Args:
        source: The folder or file.
        labels: "one" of each image, or "several".

    Raises:
        UserError: If it is missing or empty, or does not hold at least two classes with images.
    """
    if labels == "several":
        return scan_label_sets(source.path)
    return (scan_csv if source.kind == "csv" else scan_folder)(source.path)


def check_test_classes(
    name: str, tested: np.ndarray, found: Sequence[str], known: Sequence[str]
) -> None:
    """Refuses images to test on whose class is not trained.

    Args:
        name: Of the set that is tested on.
        tested: The labels of its images, as `kerascnn.data.labels` has them.
        found: Its classes, in the order of the labels.
        known: Those that are trained.

    Raises:
        UserError: If some image is of another class; names it and the closest one.
    """
    for label in sorted(present(tested)):
        if found[label] not in known:
            raise unknown("class", found[label], known, hint=f"(data.test: {name})")


def find_images(paths: Iterable[str | Path]) -> list[Path]:
    """Returns the named files, and every image file below the named folders, sorted.

    Raises:
        UserError: If a path does not exist or cannot be read, or a folder holds no image.
    """
    found: list[Path] = []
    for path in map(outside, paths):
        if is_folder(path):
            images = [file for file in image_files(path) if file.suffix]
            if not images:
                raise UserError(
                    f"{path}: a folder without images ({', '.join(sorted(IMAGE_ENDINGS))})"
                )
            found.extend(images)
        elif status(path) is not None:
            found.append(path)
        else:
            raise UserError(f"{legible(path)}: no such file or folder")
    return found
