"""Paths and files from outside; files that are written whole or not at all; locks.

A path that a user gives may be anything: a pipe that never ends, a folder that nobody may read, a
name that is none. Whatever is read by such a path is opened here.
"""

from __future__ import annotations

import contextlib
import glob
import io
import os
import platform
import re
import stat
import sys
from collections.abc import Iterator
from pathlib import Path

from kerascnn.errors import UserError

# Bytes of a name that are no text are such characters in Python's paths.
_NO_TEXT = re.compile("[\0\ud800-\udfff]")
_LONGEST_SHOWN = 200  # characters of a path in a message
_KINDS = {
    stat.S_IFIFO: "is a pipe, not a file",
    stat.S_IFSOCK: "is a socket, not a file",
    stat.S_IFCHR: "is a device, not a file",
    stat.S_IFBLK: "is a device, not a file",
}
# Not to wait for the other end of a pipe, nor to be tied to a terminal; not on every system.
_NO_WAITING = getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOCTTY", 0)
_BINARY = getattr(os, "O_BINARY", 0)


class UnreadableError(UserError):
    """A path by which nothing can be read.

    Attributes:
        reason: Why, without the path.
    """

    def __init__(self, path: str | Path, reason: str):
        super().__init__(f"{legible(path)}: {reason}")
        self.reason = reason


def legible(path: str | Path) -> str:
    """Returns a path for a message: bytes that are no text escaped, a very long one shortened."""
    text = _NO_TEXT.sub(_escaped, str(path))
    if len(text) <= _LONGEST_SHOWN:
        return text
    return f"{text[: _LONGEST_SHOWN // 2]}...{text[-_LONGEST_SHOWN // 4 :]}"


def _escaped(character: re.Match[str]) -> str:
    number = ord(character[0])
    return f"\\x{number % 0x100:02x}" if number < 0xD800 or number > 0xDC7F else f"\\u{number:x}"


def check_name(path: str | Path) -> None:
    """Refuses what cannot be written down: names become classes, tags and rows of tables.

    Raises:
        UnreadableError: If a path holds bytes that are no text, or a NUL character.
    """
    found = _NO_TEXT.search(str(path))
    if found:
        coding = sys.getfilesystemencoding().upper()
        what = "holds a NUL character" if found[0] == "\0" else f"is not {coding}: rename it"
        raise UnreadableError(path, f"this name {what}")


def outside(path: str | Path) -> Path:
    """Returns the path that somebody means: `~` is a home folder.

    Raises:
        UnreadableError: If no file can have that name, or it cannot be written down.
    """
    check_name(path)
    try:
        return Path(path).expanduser()
    except RuntimeError:
        raise UnreadableError(path, "there is no such home folder") from None


@contextlib.contextmanager
def _told(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise UnreadableError(path, error.strerror or str(error)) from None


def status(path: str | Path) -> os.stat_result | None:
    """Returns what is at a path, None if nothing is.

    Raises:
        UnreadableError: If it cannot be told.
    """
    path = outside(path)
    with _told(path), contextlib.suppress(FileNotFoundError, NotADirectoryError):
        return path.stat()
    return None


def is_folder(path: str | Path) -> bool:
    """Whether a folder is at a path.

    Raises:
        UnreadableError: If it cannot be told.
    """
    found = status(path)
    return found is not None and stat.S_ISDIR(found.st_mode)


def has_folder(path: Path) -> bool:
    """Whether the folder is there that a file is to be written to.

    Raises:
        UnreadableError: If no file can have that name, it cannot be written down, or a folder has
            it.
    """
    check_name(path)
    with _told(path):
        with contextlib.suppress(FileNotFoundError, NotADirectoryError):
            if stat.S_ISDIR(path.stat().st_mode):
                raise UnreadableError(path, "Is a directory")
        return path.parent.is_dir()


def entries(folder: Path) -> list[os.DirEntry[str]]:
    """Returns what is in a folder, sorted by name.

    Raises:
        UnreadableError: If it cannot be read.
    """
    with _told(folder), os.scandir(folder) as found:
        return sorted(found, key=lambda entry: entry.name)


def leads_to_folder(entry: os.DirEntry[str]) -> bool:
    """Whether an entry is a folder, or a link to one."""
    try:
        return entry.is_dir()
    except OSError:  # a link in a circle
        return False


def _check_regular(path: Path, found: os.stat_result, most: int) -> None:
    kind = stat.S_IFMT(found.st_mode)
    if kind == stat.S_IFDIR:
        raise UnreadableError(path, "Is a directory")
    if kind != stat.S_IFREG:
        raise UnreadableError(path, _KINDS.get(kind, "is not a file"))
    if found.st_size > most:
        raise UnreadableError(
            path, f"is {size_text(found.st_size)} large; at most {size_text(most)} are read"
        )


@contextlib.contextmanager
def opened_regular(path: str | Path, most: int) -> Iterator[io.BufferedReader]:
    """Opens a file from outside for reading.

    Args:
        path: What somebody gave.
        most: Bytes that it may have.

    Raises:
        UnreadableError: If it is not there, not a regular file, larger, or cannot be read.
    """
    path = outside(path)
    with _told(path):
        _check_regular(path, path.stat(), most)  # to open a device may do something already
        descriptor = os.open(path, os.O_RDONLY | _NO_WAITING | _BINARY)
        with os.fdopen(descriptor, "rb") as file:
            _check_regular(path, os.fstat(descriptor), most)
            yield file


def read_regular(path: str | Path, most: int) -> bytes:
    """Reads a file from outside.

    Args:
        path: What somebody gave.
        most: Bytes that it may have.

    Raises:
        UnreadableError: If it is not there, not a regular file, larger, or cannot be read.
    """
    with opened_regular(path, most) as file:
        content = file.read(os.fstat(file.fileno()).st_size + 1)
        content += file.read(max(0, most + 1 - len(content)))  # what has grown, or hides its size
    if len(content) > most:
        raise UnreadableError(path, f"is larger than the {size_text(most)} that are read")
    return content


def read_small(path: Path, most: int) -> bytes | None:
    """Reads a small file from outside in a third of the time that `read_regular` takes.

    Args:
        path: Of a file that was found.
        most: Bytes that it may have.

    Returns:
        None where it is larger, not regular, or cannot be read: `read_regular` has the reason.
    """
    try:
        found = os.stat(path)  # to open a device may do something already
        if not stat.S_ISREG(found.st_mode) or found.st_size > most:
            return None
        descriptor = os.open(path, os.O_RDONLY | _NO_WAITING | _BINARY)
        try:
            content = os.read(descriptor, found.st_size + 1)
        finally:
            os.close(descriptor)
    except (OSError, ValueError):  # ValueError of a name with a NUL
        return None
    return content if len(content) == found.st_size else None


def check_regular(path: str | Path, most: int) -> None:
    """Raises what `read_regular` would, without reading."""
    with opened_regular(path, most):
        pass


def check_working_folder() -> None:
    """Raises UserError where the working directory has been removed: nothing has a place then."""
    try:
        os.getcwd()
    except FileNotFoundError:
        raise UserError(
            "the working directory does not exist any more: change to one that does"
        ) from None


def folder_size(folder: Path | None) -> int:
    """Returns how many bytes the files in a folder have; 0 where there is none."""
    if folder is None:
        return 0
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def size_text(size: int) -> str:
    """Returns a number of bytes in the largest unit that fits, such as '1.5 GiB'."""
    for unit, name in ((2**40, "TiB"), (2**30, "GiB"), (2**20, "MiB"), (2**10, "KiB")):
        if size >= unit:
            return f"{size / unit:.3g} {name}"
    return f"{size} bytes"


@contextlib.contextmanager
def written_whole(path: Path, *, durable: bool = False) -> Iterator[Path]:
    """Lets a block write a file beside `path`, and moves it there in one step when it is complete.

    Whatever ends the block, `path` holds what it held before, or all of the new content.

    Args:
        path: The path of the file to be; its folder is made where it is missing.
        durable: Wait until the disk has it, so that it survives a power cut too.

    Yields:
        The path to write to; it ends as `path` does.

    Raises:
        OSError: If it cannot be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    remove_partial(path.parent, glob.escape(path.name))
    partial = path.with_name(_partial_name(path, str(os.getpid())))
    try:
        yield partial
        if durable:
            _flush(partial)
        os.replace(partial, path)
        if durable:
            _flush(path.parent)  # the move itself, too
    finally:
        with contextlib.suppress(OSError):
            partial.unlink(missing_ok=True)


def _partial_name(path: Path, process: str) -> str:
    return f".{path.stem}.{platform.node()}-{process}.partial{path.suffix}"


def remove_partial(folder: Path, name: str) -> None:
    """Removes what processes of this machine have left that were killed while they wrote.

    Args:
        folder: Where.
        name: The name of the file to be, or a pattern for several.
    """
    import psutil

    for partial in folder.glob(_partial_name(Path(name), "*")):
        process = re.search(r"-(\d+)\.partial[^-]*$", partial.name)
        if process and not psutil.pid_exists(int(process[1])):
            with contextlib.suppress(OSError):
                partial.unlink(missing_ok=True)


def _flush(path: Path) -> None:
    if path.is_dir() and os.name == "nt":
        return  # folders cannot be opened there
    descriptor = os.open(path, os.O_RDONLY if path.is_dir() else os.O_RDWR)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


class TakenError(Exception):
    """Another process has the lock."""


@contextlib.contextmanager
def locked(path: Path, *, wait: bool = False) -> Iterator[None]:
    """Keeps other processes out of a block; a process that is killed lets go of it.

    Args:
        path: The path of the lock file, in a folder that exists.
        wait: For the lock, where another process has it.

    Raises:
        TakenError: Without `wait`, if another process has it.
        OSError: If the file cannot be written.
    """
    from filelock import FileLock, Timeout  # slow to import

    try:
        lock = FileLock(path).acquire(timeout=-1 if wait else 0)
    except Timeout:
        raise TakenError(str(path)) from None
    with lock:
        yield
