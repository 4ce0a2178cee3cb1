"""What the scripts here share that keep a CSV file and write a table of it into a page."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any


def read_rows(path: Path) -> list[dict[str, str]]:
    """Returns the rows of a CSV file; none where there is none yet."""
    if not path.exists():
        return []
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def write_rows(path: Path, fields: Sequence[str], rows: Iterable[Mapping[str, Any]]) -> None:
    """Writes a CSV file anew."""
    with path.open("w", newline="", encoding="utf-8") as file:
        table = csv.DictWriter(file, fields)
        table.writeheader()
        table.writerows(rows)


def replace_rows(
    path: Path, fields: Sequence[str], names: Sequence[str], rows: Sequence[Mapping[str, Any]]
) -> None:
    """Writes rows into a CSV file, in place of those that have the same under all these names."""
    new = {tuple(row[name] for name in names) for row in rows}
    others = [row for row in read_rows(path) if tuple(row[name] for name in names) not in new]
    write_rows(path, fields, [*others, *rows])


def rate_text(value: float) -> str:
    """Returns a rate as the tables have it: with a decimal below 100."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}"


def markdown(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Returns a table in Markdown; all columns but the first stand at the right."""
    lines = [f"| {' | '.join(headings)} |", f"|---|{'---:|' * (len(headings) - 1)}"]
    return "\n".join([*lines, *(f"| {' | '.join(row)} |" for row in rows)])


def write_between(page: Path, begin: str, end: str, text: str) -> None:
    """Puts a text between two marks of a page, in the place of what stands there.

    Raises:
        ValueError: If the page has not both marks.
    """
    before, first, rest = page.read_text(encoding="utf-8").partition(begin)
    _, last, after = rest.partition(end)
    if not (first and last):
        raise ValueError(f"{page.name} has no {begin if not first else end}")
    page.write_text(f"{before}{begin}\n{text}\n{end}{after}", encoding="utf-8")
