"""Files that are written whole or not at all, and locks between processes."""

from __future__ import annotations

import contextlib
import glob
import os
import platform
from collections.abc import Iterator
from pathlib import Path

import psutil
from filelock import FileLock, Timeout


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
    _remove_left_over(path)
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


def _remove_left_over(path: Path) -> None:
    """Removes what processes of this machine have left that were killed while they wrote."""
    for partial in path.parent.glob(_partial_name(Path(glob.escape(path.name)), "*")):
        process = partial.name.removesuffix(f".partial{path.suffix}").rpartition("-")[2]
        if process.isdecimal() and not psutil.pid_exists(int(process)):
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
    try:
        lock = FileLock(path).acquire(timeout=-1 if wait else 0)
    except Timeout:
        raise TakenError(str(path)) from None
    with lock:
        yield
