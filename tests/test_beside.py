"""Imports beside a computation."""

from __future__ import annotations

import subprocess
import sys
import threading

import pytest

from kerascnn.beside import imported_beside

SLOW = """
import sys, time
from kerascnn.beside import imported_beside
with imported_beside("wave", "no_such_module", "colorsys"):
    deadline = time.monotonic() + 20
    while "colorsys" not in sys.modules and time.monotonic() < deadline:
        time.sleep(0.01)
print("wave" in sys.modules, "colorsys" in sys.modules)
"""


def test_modules_are_there_after_the_block_and_those_that_are_not_do_no_harm() -> None:
    done = subprocess.run([sys.executable, "-c", SLOW], capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("True True\n", "")


def test_the_thread_ends_with_the_block_also_after_an_error() -> None:
    before = threading.active_count()
    with pytest.raises(ZeroDivisionError), imported_beside("json", "csv"):
        raise ZeroDivisionError
    assert threading.active_count() == before
