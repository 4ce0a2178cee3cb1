"""Text from outside, as people may safely see it."""

from __future__ import annotations

import pty
import unicodedata
from pathlib import Path

import pytest

from kerascnn.text import counted, lines_for, shown, tell


@pytest.mark.parametrize(
    "text",
    ["plain", "", "two words, 100 %", "übung", "две", "猫", "naïve café", "🐈", "a\u00a0b", "é"],
)
def test_what_can_be_seen_stays(text: str) -> None:
    assert shown(text) == text


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        ("\x1b[2Jgone", r"\x1b[2Jgone"),
        ("a\tb\nc\rd", r"a\tb\nc\rd"),
        ("bell\x07", r"bell\x07"),
        ("\u202egnp.exe", r"\u202egnp.exe"),  # would be written from right to left
        ("zero\u200bwidth", r"zero\u200bwidth"),
        ("line\u2028end", r"line\u2028end"),
        ("half \ud83d", r"half \ud83d"),
        ("\x9b31m", r"\x9b31m"),
        ("übung\x00", r"übung\x00"),
    ],
)
def test_what_cannot_be_seen_is_an_escape(text: str, seen: str) -> None:
    assert shown(text) == seen


def test_no_character_of_the_basic_plane_gives_orders_to_a_terminal() -> None:
    every = "".join(map(chr, range(0x10000)))
    found = shown(every)
    assert not {unicodedata.category(character) for character in found} & {"Cc", "Cf", "Cs"}
    found.encode("utf-8")


def test_what_is_counted_is_in_the_plural_but_for_one() -> None:
    assert [counted(n, "epoch") for n in (0, 1, 1000)] == ["0 epochs", "1 epoch", "1,000 epochs"]


def test_lines_are_told_at_once_and_stay_lines(capsys) -> None:
    tell("first\nsecond \x1b[31m")
    assert capsys.readouterr().out == "first\nsecond \\x1b[31m\n"


@pytest.mark.parametrize("columns", [40, 80, 100, 120])
def test_prose_is_folded_between_words_on_a_terminal_alone(
    columns: int, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    prose = "Error: " + " ".join(f"word-{number}/of:several" for number in range(20))
    text = f"{prose}\n  kerascnn a-command {'--that is to be copied ' * 9}\nshort\n"
    _, slave = pty.openpty()
    with open(slave, "w") as terminal, (tmp_path / "file").open("w") as file:
        assert lines_for(file, text) == text
        lines = lines_for(terminal, text).split("\n")
    folded, rest = lines[:-3], lines[-3:]
    assert max(map(len, folded)) <= columns
    assert len(folded) > 1
    assert " ".join(line.strip() for line in folded) == prose
    assert rest == text.split("\n")[1:]
