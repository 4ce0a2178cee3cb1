"""How every command prints its tables."""

from __future__ import annotations

import shutil
import sys

from rich.console import Console
from rich.table import Table


def print_table(table: Table) -> None:
    """Prints a table as wide as the terminal, or as wide as it needs to be in a pipe or file."""
    table.box = None
    table.pad_edge = False
    for column in table.columns:
        column.overflow = "fold"
    width = shutil.get_terminal_size().columns if sys.stdout.isatty() else 10_000
    Console(file=sys.stdout, width=width, highlight=False).print(table)
