"""Tables as files: CSV for spreadsheets, JSON for programs."""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from kerascnn.errors import UserError
from kerascnn.files import has_folder, written_whole


def check_table_path(path: Path, option: str) -> None:
    """Refuses a path that no table can be written to, before there is a table.

    Args:
        path: The path of the file to be.
        option: That names it, for the message.

    Raises:
        UserError: If its folder is missing, or it is a folder itself.
    """
    if not has_folder(path):
        raise UserError(f"{option} {path}: there is no folder {path.parent}")


def write_csv(path: Path, head: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Writes a table, whole or not at all; None and NaN are empty cells.

    Args:
        path: Of the file.
        head: The heading of each column.
        rows: The cells, row by row.

    Raises:
        UserError: If it cannot be written.
    """
    try:
        with (
            written_whole(path) as unfinished,
            unfinished.open("w", newline="", encoding="utf-8", errors="backslashreplace") as file,
        ):
            writer = csv.writer(file)
            writer.writerow(head)
            writer.writerows(["" if _plain(v) is None else v for v in row] for row in rows)
    except OSError as error:
        raise UserError(f"cannot write {path}: {error.strerror or error}") from None


def write_json(path: Path, value: Any) -> None:
    """Writes lists, mappings, texts and numbers, whole or not at all; NaN is null.

    Args:
        path: Of the file.
        value: To write.

    Raises:
        UserError: If it cannot be written.
    """
    text = json.dumps(_plain(value), indent=2, allow_nan=False)
    try:
        with written_whole(path) as unfinished:
            unfinished.write_text(f"{text}\n", encoding="utf-8")
    except OSError as error:
        raise UserError(f"cannot write {path}: {error.strerror or error}") from None


def _plain(value: Any) -> Any:
    """Returns a value without what JSON cannot have: numbers that are not finite."""
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
