"""What commands print: lines and tables, whatever is in the texts, as wide as the terminal is."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

import click

from kerascnn.text import lines_for, shown

_GAP = 2  # cells between two columns
_SHORTEST = 20  # cells of a text that is cut


def echo(text: str = "", *, err: bool = False, nl: bool = True) -> None:
    """Prints text of any number of lines, as `lines_for` has it."""
    click.echo(lines_for(sys.stderr if err else sys.stdout, text), err=err, nl=nl)


def starting(what: str) -> None:
    """Says to whoever waits at a terminal, before TensorFlow is imported, what comes next.

    On stderr: stdout is for what comes of it.
    """
    if sys.stderr.isatty():
        echo(f"{what}: starting TensorFlow ...", err=True)


def print_table(
    headings: Sequence[str],
    rows: Iterable[Sequence[object] | None],
    *,
    right: Iterable[str] = (),
    last: Sequence[str] = (),
    cut: str | None = None,
) -> None:
    """Prints a table of plain texts.

    In a pipe or file it is as wide as it need be. On a terminal it is not wider than that: columns
    are left out, and named below, before a word is broken.

    Args:
        headings: Of the columns.
        rows: The cells, row by row; None for an empty line.
        right: Headings of the columns whose texts stand at the right.
        last: Headings of the columns to leave out where the table is too wide, the first one first;
            then others, from the right.
        cut: Heading of a column of prose, whose texts are cut before another column is left out.
    """
    from rich.cells import cell_len
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    cells = [None if row is None else [shown(str(cell)) for cell in row] for row in rows]
    filled = [row for row in cells if row is not None]
    wide = [
        max(cell_len(text) for text in (heading, *(row[i] for row in filled)))
        for i, heading in enumerate(headings)
    ]
    terminal = sys.stdout.isatty()
    room = shutil.get_terminal_size().columns if terminal else 10**6
    kept = list(range(len(headings)))
    if cut is not None:
        others = sum(wide[i] + _GAP for i, heading in enumerate(headings) if heading != cut)
        i = headings.index(cut)
        wide[i] = min(wide[i], max(room - others, _SHORTEST))
    spare = [headings.index(name) for name in last if name in headings]
    spare += [i for i in reversed(range(1, len(headings))) if i not in spare]
    while len(kept) > 1 and sum(wide[i] + _GAP for i in kept) - _GAP > room and spare:
        kept.remove(spare.pop(0))
    table = Table(box=None, pad_edge=False, padding=(0, _GAP, 0, 0))
    for i in kept:
        table.add_column(
            Text(headings[i]),
            justify="right" if headings[i] in right else "left",
            no_wrap=True,
            overflow="ellipsis",
            max_width=wide[i],
            min_width=None if i == kept[0] else wide[i],
        )
    for row in cells:
        table.add_row(*("" if row is None else Text(row[i]) for i in kept))
    Console(file=sys.stdout, width=min(room, 10**5), highlight=False).print(table)
    if len(kept) < len(headings):
        hidden = ", ".join(name for i, name in enumerate(headings) if i not in kept)
        echo(f"not shown at this width: {hidden}")


def shortened(path: Path) -> Path:
    """Returns a path from the working directory, where that is shorter."""
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path
