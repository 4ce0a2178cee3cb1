"""Imports beside a computation: what is needed after it is there when it ends."""

from __future__ import annotations

import contextlib
import importlib
import threading
from collections.abc import Iterator


@contextlib.contextmanager
def imported_beside(*names: str) -> Iterator[None]:
    """Imports modules in a thread while a block computes.

    TensorFlow's steps leave the interpreter to others. What cannot be imported is left to who needs
    it, and says so then; what the block is too short for, too.

    Args:
        names: Of modules, in full.
    """
    ended = threading.Event()

    def run() -> None:
        for name in names:
            if ended.is_set():
                return
            with contextlib.suppress(Exception):
                importlib.import_module(name)

    thread = threading.Thread(target=run, name="imports", daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
