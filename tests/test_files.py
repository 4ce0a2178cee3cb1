"""Paths from outside; files that are written whole or not at all, and locks, among processes."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
import time
import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from kerascnn.files import (
    TakenError,
    UnreadableError,
    check_regular,
    check_working_folder,
    entries,
    is_folder,
    leads_to_folder,
    legible,
    locked,
    outside,
    read_regular,
    read_small,
    size_text,
    status,
    written_whole,
)

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


def _too_long(place: Path) -> Path:
    return place / ("x" * 5000)


def _pipe(place: Path) -> Path:
    os.mkfifo(place / "pipe")
    return place / "pipe"


def _socket(place: Path) -> Path:
    with contextlib.chdir(place), socket.socket(socket.AF_UNIX) as listening:
        listening.bind("socket")  # a short name: there is a bound on its length
    return place / "socket"


def _sparse(place: Path) -> Path:
    (place / "sparse").touch()
    os.truncate(place / "sparse", 20 * 2**30)
    return place / "sparse"


def _circle(place: Path) -> Path:
    (place / "circle").symlink_to("circle")
    return place / "circle"


def _below_a_file(place: Path) -> Path:
    (place / "file").touch()
    return place / "file" / "below"


@pytest.mark.parametrize("read", [read_regular, check_regular])
@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (lambda place: place / "none", "No such file or directory"),
        (lambda place: place, "Is a directory"),
        (_pipe, "is a pipe, not a file"),
        (_socket, "is a socket, not a file"),
        (lambda place: Path("/dev/zero"), "is a device, not a file"),
        (lambda place: Path("/dev/tty"), "is a device, not a file"),
        (_sparse, "is 20 GiB large; at most 1 MiB are read"),
        (_circle, "Too many levels of symbolic links"),
        (_below_a_file, "Not a directory"),
        (_too_long, "File name too long"),
        (lambda place: place / "a\0b", "this name holds a NUL character"),
        (lambda place: place / "a\udcffb", "this name is not UTF-8: rename it"),
        (lambda place: "~nobody-of-that-name/x", "there is no such home folder"),
    ],
)
def test_what_is_no_file_to_read_is_told_at_once(tmp_path: Path, read, make, reason: str) -> None:
    path = make(tmp_path)
    began = time.monotonic()
    tracemalloc.start()
    try:
        with pytest.raises(UnreadableError) as raised:
            read(path, 2**20)
    finally:
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert raised.value.reason == reason
    assert str(raised.value) == f"{legible(path)}: {reason}"
    assert str(raised.value).isprintable()
    assert peak < 2**20
    assert time.monotonic() - began < 5


def test_a_file_is_read_whole_up_to_the_bound(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "file").write_bytes(b"0123456789")
    (tmp_path / "link").symlink_to("file")
    for path in (tmp_path / "file", str(tmp_path / "link"), "~/file"):
        assert read_regular(path, 10) == b"0123456789"
        check_regular(path, 10)
        with pytest.raises(UnreadableError, match="is 10 bytes large; at most 9 bytes are read"):
            read_regular(path, 9)


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="there is no such file")
def test_a_file_that_hides_its_size_is_bounded_too() -> None:
    assert b"VmRSS" in read_regular("/proc/self/status", 2**20)
    with pytest.raises(UnreadableError, match="is larger than the 5 bytes that are read"):
        read_regular("/proc/self/status", 5)


def test_a_pipe_put_in_a_files_place_is_not_waited_for(tmp_path: Path, monkeypatch) -> None:
    path = tmp_path / "file"
    path.touch()
    regular, pipe = path.stat(), _pipe(tmp_path)
    monkeypatch.setattr(Path, "stat", lambda self, **options: regular)  # as it was a moment ago
    with pytest.raises(UnreadableError, match="is a pipe, not a file"):
        read_regular(pipe, 100)


def test_paths_as_they_are_meant(monkeypatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    assert outside("~/a") == tmp_path / "a"
    assert outside("a/~/b") == Path("a/~/b")
    assert outside(Path("übung")) == Path("übung")
    for path in ("~nobody-of-that-name", "a\0b", "a\udcff", "a\ud800"):
        with pytest.raises(UnreadableError):
            outside(path)


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("a/übung.png", "a/übung.png"),
        (os.fsdecode(b"a\xff\xc3b"), "a\\xff\\xc3b"),
        ("a\0b", "a\\x00b"),
        ("a\ud800b", "a\\ud800b"),
        ("x" * 200, "x" * 200),
        ("a" * 5000 + "b" * 50, "a" * 100 + "..." + "b" * 50),
    ],
)
def test_any_path_can_be_shown(path: str, text: str) -> None:
    assert legible(path) == text
    text.encode()


def test_what_is_at_a_path(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert is_folder(tmp_path)
    assert not is_folder(tmp_path / "file")
    assert not is_folder(_below_a_file(tmp_path))
    assert status(tmp_path / "none") is None
    for path in (_circle(tmp_path), _too_long(tmp_path)):
        with pytest.raises(UnreadableError):
            status(path)


def test_a_folders_entries_by_name(tmp_path: Path) -> None:
    (tmp_path / "b").mkdir()
    (tmp_path / "a").symlink_to("b")
    (tmp_path / "c").touch()
    _circle(tmp_path)
    assert [(entry.name, leads_to_folder(entry)) for entry in entries(tmp_path)] == [
        ("a", True), ("b", True), ("c", False), ("circle", False)
    ]  # fmt: skip
    with pytest.raises(UnreadableError, match="Not a directory"):
        entries(tmp_path / "c")


def test_a_working_directory_that_is_gone_is_one_line(tmp_path: Path, python: Start) -> None:
    check_working_folder()
    (tmp_path / "gone").mkdir()
    process = python(
        "import os\nos.chdir(sys.argv[1])\nos.rmdir(sys.argv[1])\n"
        "try: check_working_folder()\nexcept Exception as error: print(error)\n"
        "try: read_regular('a', 9)\nexcept Exception as error: print(error)",
        tmp_path / "gone",
    )
    assert said(process).startswith("the working directory does not exist any more")
    assert said(process) == "a: No such file or directory"


@pytest.mark.parametrize(
    ("size", "text"),
    [(0, "0 bytes"), (1023, "1023 bytes"), (1536, "1.5 KiB"), (20 * 2**30, "20 GiB")],
)
def test_sizes_in_the_largest_unit(size: int, text: str) -> None:
    assert size_text(size) == text


def test_small_files_and_what_is_none(tmp_path: Path) -> None:
    path = tmp_path / "ten"
    path.write_bytes(b"0123456789")
    assert read_small(path, 10) == b"0123456789"
    assert read_small(path, 9) is None
    os.mkfifo(tmp_path / "pipe")
    nothing = (tmp_path, tmp_path / "pipe", tmp_path / "gone", Path("/dev/zero"), Path("nu\0l"))
    assert [read_small(one, 10) for one in nothing] == [None] * 5
    assert read_small(Path("/proc/self/status"), 10) is None, "it is larger than it says"
