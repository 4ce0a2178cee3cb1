"""Temporary files of those who run trials: nothing stays, whatever ends them."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

MAKE = "from kerascnn.scratch import *; (scratch_folder() / 'file').touch(); print('made')"


@pytest.fixture
def process(tmp_path: Path) -> Iterator[Callable[[str], subprocess.Popen[str]]]:
    """Starts Python with a file in its scratch folder, and waits until it is there."""
    started: list[subprocess.Popen[str]] = []

    def start(more: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-u", "-c", f"{MAKE}\n{more}"],
            env={**os.environ, "TMPDIR": str(tmp_path), "PYTHONPATH": os.pathsep.join(sys.path)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        assert process.stdout is not None
        assert process.stdout.readline() == "made\n"
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


def test_the_next_one_removes_what_a_killed_one_left_and_nothing_else(
    process: Callable[[str], subprocess.Popen[str]], tmp_path: Path
) -> None:
    (tmp_path / "kerascnn-mine").mkdir()
    (tmp_path / ".kerascnn-mine").mkdir()
    kept = set(tmp_path.iterdir())
    alive, killed = process("input()"), process("input()")
    both = set(tmp_path.iterdir()) - kept
    assert len(both) == 2
    killed.kill()
    killed.wait()
    assert set(tmp_path.iterdir()) - kept == both, "nobody was there to remove it"
    process("").wait()
    (left,) = set(tmp_path.iterdir()) - kept
    assert (left / "file").exists(), "that of the one that lives"
    alive.communicate("\n")
    assert set(tmp_path.iterdir()) == kept


def test_temporary_files_are_made_there(
    process: Callable[[str], subprocess.Popen[str]], tmp_path: Path
) -> None:
    script = (
        "import tempfile\n"
        "with temporary_files_in_scratch(): inside = tempfile.mkdtemp()\n"
        "print(inside)\nprint(tempfile.mkdtemp())"
    )
    output = process(script).stdout
    assert output is not None
    inside, after = output.read().split()
    assert Path(inside).parent.parent == tmp_path
    assert Path(after).parent == tmp_path
    assert list(tmp_path.iterdir()) == [Path(after)]


def test_sockets_have_a_short_path(tmp_path: Path) -> None:
    deep = tmp_path / ("long" * 25)
    deep.mkdir()
    script = (
        "import socket\nfrom kerascnn.scratch import *\n"
        "folder = socket_folder()\n"
        "socket.socket(socket.AF_UNIX).bind(str(folder / 'a-name-of-twenty-odd'))\n"
        "print(folder)\n"
    )
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", script],
        env={**os.environ, "TMPDIR": str(deep), "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert not Path(done.stdout.strip()).exists()
    assert list(deep.iterdir()) == []
