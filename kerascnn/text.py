"""Text as people see it: what is from outside safely, what is long in whole words."""

from __future__ import annotations

import shutil
import sys
import textwrap
import unicodedata
from collections.abc import Sequence
from typing import TextIO

# What a terminal takes for orders, or what cannot be seen: control characters, those that change
# the direction of writing, halves of characters.
_UNSEEN = ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp")


def shown(text: str) -> str:
    r"""Returns text with each character that cannot be seen written as an escape, such as \x1b."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(
        character
        if unicodedata.category(character) not in _UNSEEN
        else character.encode("unicode_escape").decode("ascii")
        for character in text
    )


def counted(number: int, what: str) -> str:
    """Returns a number with what is counted, in the plural where there are more: "5 epochs"."""
    return f"{number:,} {what}{'' if number == 1 else 's'}"


def first_names(names: Sequence[str]) -> str:
    """Returns names for a message: ten of them, and how many more there are."""
    more = f" and {len(names) - 10} more" if len(names) > 10 else ""
    return f"{', '.join(names[:10])}{more}"


def lines_for(stream: TextIO, text: str) -> str:
    """Returns text of any number of lines as a stream is to have it.

    On a terminal, prose that is too wide goes on below, between two words. What is indented, such
    as a command to be copied, stays as it is, and so does everything in a pipe or file.
    """
    lines = [shown(line) for line in text.split("\n")]
    if stream.isatty():
        room = shutil.get_terminal_size().columns
        lines = [line if line[:1].isspace() else _folded(line, room) for line in lines]
    return "\n".join(lines)


def _folded(line: str, room: int) -> str:
    if len(line) <= room:
        return line
    return textwrap.fill(
        line, room, subsequent_indent="  ", break_long_words=False, break_on_hyphens=False
    )


def tell(line: str) -> None:
    """Prints a line for the user at once: whoever follows a file or a pipe sees it now."""
    print(lines_for(sys.stdout, line), flush=True)
