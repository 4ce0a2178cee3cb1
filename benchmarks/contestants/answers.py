"""What all contestants have in common: how many processors they take, and how they answer."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from typing import Any

_ANSWERS = 100  # the file descriptor that standard output becomes


def begin(processors: int | None = None) -> None:
    """Takes the first so many processors, and standard output for answers; before any import.

    Every library sizes its pools by what a process may use, and what it prints goes to the log.

    Args:
        processors: Or all that there are.
    """
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:processors])
    os.dup2(1, _ANSWERS)
    os.dup2(2, 1)


def answer_questions(introduction: dict[str, Any], answer: Callable[..., dict[str, Any]]) -> None:
    """Says that it is ready, then answers questions, given as keywords, until there are no more."""
    with os.fdopen(_ANSWERS, "w", encoding="utf-8") as out:
        print(json.dumps(introduction), file=out, flush=True)
        for line in sys.stdin:
            print(json.dumps(answer(**json.loads(line))), file=out, flush=True)
