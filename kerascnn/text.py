"""Text from outside (names of classes, files, runs), as people may safely see it."""

from __future__ import annotations

import unicodedata

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


def tell(line: str) -> None:
    """Prints a line for the user at once: whoever follows a file or a pipe sees it now."""
    print("\n".join(map(shown, line.split("\n"))), flush=True)
