"""What commands print: in full where it is piped, no wider than a terminal otherwise."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable

import pytest
from kerascnn_pipelines.output import echo, print_table, starting

HEADINGS = ("name", "loss", "what it is")
LONG = "a cell of many words " * 8
ROWS = [("first", 0.5, LONG), None, ("second", 12, "[bold]1[/bold]")]


@pytest.fixture
def lines(capsys) -> Callable[[], list[str]]:
    """What was printed, line by line, without colours and spaces at the end."""

    def read() -> list[str]:
        out = re.sub(r"\x1b\[[\d;]*m", "", capsys.readouterr().out)
        return [line.rstrip() for line in out.splitlines()]

    return read


@pytest.fixture
def terminal(monkeypatch) -> Callable[[int], None]:
    """Makes the output a terminal of so many columns."""

    def make(columns: int) -> None:
        monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
        monkeypatch.setenv("COLUMNS", str(columns))
        monkeypatch.setenv("TERM", "xterm")

    return make


def test_piped_a_row_is_one_line_as_wide_as_it_need_be(lines) -> None:
    print_table(HEADINGS, ROWS)
    assert lines() == [
        "name    loss  what it is",
        f"first   0.5   {LONG.strip()}",
        "",
        "second  12    [bold]1[/bold]",  # no markup
    ]


def test_numbers_may_stand_at_the_right(lines) -> None:
    print_table(HEADINGS[:2], [("a", 1), ("b", 1000)], right=["loss"])
    assert lines() == ["name  loss", "a        1", "b     1000"]


def test_orders_to_the_terminal_are_shown_and_not_given(lines, capsys) -> None:
    print_table(("na\x1bme",), [("cell\x1b[2J\nhere",)])
    assert "cell\\x1b[2J\\nhere" in lines()
    echo("one\ntwo\x07", err=True)
    assert capsys.readouterr().err == "one\ntwo\\x07\n"
    echo("no end", nl=False)
    assert capsys.readouterr().out == "no end"


def test_what_starts_is_said_on_a_terminal_alone(capsys, monkeypatch) -> None:
    starting("lenet5 on digits, 5 epochs")
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    starting("evaluating first")
    captured = capsys.readouterr()
    assert (captured.out, captured.err) == ("", "evaluating first: starting TensorFlow ...\n")


def test_on_a_terminal_prose_is_cut_first(lines, terminal) -> None:
    terminal(50)
    print_table(HEADINGS, ROWS, cut="what it is")
    found = lines()
    assert max(map(len, found)) <= 50
    assert found[0] == "name    loss  what it is"
    assert found[1].startswith("first   0.5   a cell of many words a cell")
    assert found[1].endswith("…")
    assert found[3] == "second  12    [bold]1[/bold]"


def test_then_whole_columns_are_left_out_and_named(lines, terminal) -> None:
    terminal(30)
    print_table(HEADINGS, ROWS, cut="what it is", last=["loss"])
    found = lines()
    assert max(map(len, found[:-1])) <= 30
    assert found[0] == "name    what it is"
    assert found[-1] == "not shown at this width: loss"
    terminal(18)
    print_table(HEADINGS, ROWS, cut="what it is", last=["loss"])
    found = lines()
    assert found[:4] == ["name", "first", "", "second"]
    assert found[-3:] == ["not shown at this", "  width: loss,", "  what it is"]


def test_without_prose_columns_go_from_the_right(lines, terminal) -> None:
    terminal(25)
    print_table(("a", "b", "c"), [("1" * 10, "2" * 10, "3" * 10)])
    assert lines() == [
        "a           b", f"{'1' * 10}  {'2' * 10}", "not shown at this width:", "  c"
    ]  # fmt: skip


def test_wide_characters_take_two_cells(lines) -> None:
    print_table(("a", "b"), [("猫猫", "x"), ("cat", "y")])
    assert lines() == ["a     b", "猫猫  x", "cat   y"]


def test_a_table_without_rows_is_its_heading(lines) -> None:
    print_table(HEADINGS, [])
    assert lines() == ["name  loss  what it is"]
