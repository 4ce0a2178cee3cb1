"""The exceptions that are told on one line: a mistake of the user, a training that failed."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class UserError(ValueError):
    """A mistake that the user can mend: one line that says what was received and what is right.

    The command line prints it without a traceback and exits with code 2.
    """


class TrainingError(RuntimeError):
    """A training run that cannot go on, with the likely cause on one line.

    The command line prints it without a traceback and exits with code 1.
    """


def unknown(kind: str, name: str, known: Iterable[str], *, hint: str = "") -> UserError:
    """Returns the error for a name that is not known, with the closest names that are.

    Args:
        kind: What was named, such as "model" or "recipe".
        name: The name received.
        known: Every valid name.
        hint: A sentence to end with, such as the command that lists the names.
    """
    known = sorted(known)
    close = difflib.get_close_matches(str(name).lower(), known, n=3, cutoff=0.5)
    if close:
        advice = f"did you mean {' or '.join(close)}?"
    elif 0 < len(known) <= 12:
        advice = f"known: {', '.join(known)}."
    else:
        advice = ""
    return UserError(" ".join(part for part in (f"unknown {kind} '{name}':", advice, hint) if part))
