"""Files that are written whole or not at all, and locks, among real processes."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from kerascnn.files import TakenError, locked, written_whole

Start = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def python() -> Iterator[Start]:
    """Starts code in a process of its own, which does not outlive the test."""
    started: list[subprocess.Popen[str]] = []

    def start(code: str, *arguments: object) -> subprocess.Popen[str]:
        head = "import sys, time\nfrom pathlib import Path\nfrom kerascnn.files import *\n"
        started.append(
            subprocess.Popen(
                [sys.executable, "-c", head + code, *map(str, arguments)],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            )
        )  # fmt: skip
        return started[-1]

    yield start
    for process in started:
        process.kill()
        process.communicate()


def said(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


@pytest.mark.parametrize("durable", [False, True])
def test_the_file_appears_when_it_is_complete(tmp_path: Path, durable: bool) -> None:
    path = tmp_path / "new" / "folder" / "data.npz"
    with written_whole(path, durable=durable) as partial:
        assert partial.parent == path.parent
        assert partial.suffix == ".npz"  # NumPy and Keras go by the ending
        partial.write_text("first half, ")
        assert not path.exists()
    assert path.read_text() == "first half, "
    assert [file.name for file in path.parent.iterdir()] == ["data.npz"]


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt, OSError])
def test_an_exception_leaves_the_old_content_and_nothing_else(tmp_path: Path, error) -> None:
    path = tmp_path / "data.txt"
    path.write_text("old")

    def write() -> None:
        with written_whole(path) as partial:
            partial.write_text("new")
            raise error

    with pytest.raises(error):
        write()
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_block_that_writes_nothing_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "data.txt").write_text("old")
    with pytest.raises(FileNotFoundError), written_whole(tmp_path / "data.txt"):
        pass
    assert (tmp_path / "data.txt").read_text() == "old"


KILLED = """
with written_whole(Path(sys.argv[1])) as partial:
    partial.write_text("half")
    print(partial.name, flush=True)
    time.sleep(60)
"""


def test_what_a_killed_process_left_is_removed_by_the_next(tmp_path: Path, python: Start) -> None:
    path = tmp_path / "a[1]*.txt"  # no pattern is made of it
    path.write_text("old")
    dead, alive = python(KILLED, path), python(KILLED, path)
    left = [tmp_path / said(process) for process in (dead, alive)]
    dead.kill()
    dead.wait()
    assert all(file.exists() for file in left)
    bystanders = [tmp_path / name for name in (".a[1]*.other-1.partial.csv", ".b.x-1.partial.txt")]
    for file in bystanders:
        file.touch()
    with written_whole(path) as partial:
        partial.write_text("new")
    assert path.read_text() == "new"
    assert not left[0].exists()
    assert left[1].exists(), "its process is still writing"
    assert all(file.exists() for file in bystanders)


WRITER = """
for _ in range(200):
    with written_whole(Path(sys.argv[1])) as partial:
        partial.write_text(sys.argv[2] * 100_000)
"""


def test_two_writers_at_once_never_show_half_a_file(tmp_path: Path, python: Start) -> None:
    path = tmp_path / "data.txt"
    writers = [python(WRITER, path, letter) for letter in "ab"]
    seen = set()
    while any(writer.poll() is None for writer in writers):
        if path.exists():
            seen.add(path.read_text())
    assert [writer.returncode for writer in writers] == [0, 0]
    seen.add(path.read_text())
    assert seen <= {"a" * 100_000, "b" * 100_000}
    assert list(tmp_path.iterdir()) == [path]


HOLDER = """
with locked(Path(sys.argv[1])):
    print("locked", flush=True)
    sys.stdin.read()
"""


def test_another_process_is_kept_out(tmp_path: Path, python: Start) -> None:
    path = tmp_path / ".lock"
    holder = python(HOLDER, path)
    assert said(holder) == "locked"
    with pytest.raises(TakenError, match=r"\.lock"), locked(path):
        pytest.fail("the lock is another's")
    holder.communicate("")  # it ends, and lets go
    with locked(path):
        assert said(python("try:\n    with locked(Path(sys.argv[1])): print('got it')\n"
                           "except TakenError: print('taken')", path)) == "taken"  # fmt: skip


def test_a_killed_process_lets_go(tmp_path: Path, python: Start) -> None:
    path = tmp_path / ".lock"
    holder = python(HOLDER, path)
    assert said(holder) == "locked"
    holder.kill()
    holder.wait()
    with locked(path):
        pass


def test_who_waits_gets_it_when_it_is_free(tmp_path: Path, python: Start) -> None:
    path = tmp_path / ".lock"
    with locked(path):
        waiter = python(
            "print('waits', flush=True)\n"
            "with locked(Path(sys.argv[1]), wait=True): print(time.time())",
            path,
        )
        assert said(waiter) == "waits"
        time.sleep(0.3)
        assert waiter.poll() is None
        let_go = time.time()
    assert float(said(waiter)) >= let_go


def test_the_lock_is_let_go_after_an_exception(tmp_path: Path) -> None:
    for _ in range(2):
        with pytest.raises(RuntimeError), locked(tmp_path / ".lock"):
            raise RuntimeError


def test_a_lock_that_cannot_be_written_is_not_taken_for_anothers(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for path in (tmp_path, tmp_path / "file" / ".lock"):
        with pytest.raises(OSError, match=str(tmp_path)), locked(path):
            pass
