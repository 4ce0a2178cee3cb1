"""How tables are printed: in full where they are piped, folded on a terminal."""

from __future__ import annotations

import re
import sys

import pytest
from kerascnn_pipelines.tables import print_table
from rich.table import Table

LONG = "a cell of many words " * 20


@pytest.fixture
def table() -> Table:
    table = Table("name", "what it is")
    table.add_row("first", LONG.strip())
    table.add_row("second", "[1, 2]")
    return table


def test_piped_a_row_is_one_line_without_frame_or_colour(table: Table, capsys) -> None:
    print_table(table)
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == ["name", "first", "second"]
    assert lines[1].rstrip() == f"first   {LONG.strip()}"
    assert lines[2].rstrip() == "second  [1, 2]"
    assert "\x1b" not in "".join(lines)


def test_on_a_terminal_it_is_as_wide_as_that_and_nothing_is_lost(
    table: Table, capsys, monkeypatch
) -> None:
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    monkeypatch.setenv("COLUMNS", "40")
    monkeypatch.setenv("TERM", "xterm")
    print_table(table)
    out = re.sub(r"\x1b\[[\d;]*m", "", capsys.readouterr().out)
    lines = out.splitlines()
    assert max(map(len, lines)) <= 40
    assert len(lines) > 5
    assert out.split().count("words") == 20
