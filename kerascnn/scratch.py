"""Temporary files of a process, and of those that it starts: one folder holds them all.

A process may be killed, and trials of a sweep end so, and then nobody clears up behind it:
TensorFlow leaves the code that it makes, MLflow what it was about to send or has fetched. Whoever
comes next removes the folders that dead processes have left.
"""

from __future__ import annotations

import atexit
import contextlib
import functools
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from filelock import FileLock, Timeout

_PREFIX = ".kerascnn-"  # in $TMPDIR
_LONGEST = 80  # bytes of a folder's path that leave room for the name of a socket
_LOCK = "lock"  # held while the folder's process lives


@functools.cache
def _own(parent: Path) -> Path:
    for left_over in parent.glob(f"{_PREFIX}????????"):  # as mkdtemp names them
        _remove_if_dead(left_over)
    while True:
        folder = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=parent))
        lock = FileLock(folder / _LOCK)
        with contextlib.suppress(Timeout, FileNotFoundError):  # it was taken for a dead one
            lock.acquire(blocking=False)
            if (folder / _LOCK).exists():
                break
    _locks[folder] = lock
    return folder


_locks: dict[Path, FileLock] = {}


@functools.cache
def scratch_folder() -> Path:
    """Returns this process's folder, which goes with it."""
    return _own(Path(tempfile.gettempdir()))


def socket_folder() -> Path:
    """Returns a folder of this process whose path is short: that of a socket has 107 bytes."""
    folder = scratch_folder()
    return folder if len(os.fsencode(folder)) <= _LONGEST else _own(Path("/tmp"))


@atexit.register
def clear_scratch() -> None:
    """Removes this process's folders, if there are any."""
    while _locks:
        _remove(*_locks.popitem())
    _own.cache_clear()
    scratch_folder.cache_clear()


@contextlib.contextmanager
def temporary_files_in_scratch() -> Iterator[None]:
    """Lets whatever asks Python for temporary files in a block have them in `scratch_folder`."""
    before = tempfile.tempdir
    with contextlib.suppress(OSError):  # without a place for any, whoever needs one says so
        tempfile.tempdir = str(scratch_folder())
    try:
        yield
    finally:
        tempfile.tempdir = before


def _remove_if_dead(folder: Path) -> None:
    lock = FileLock(folder / _LOCK)
    with contextlib.suppress(OSError):  # it is locked (a Timeout), somebody else's, or gone
        lock.acquire(blocking=False)
        _remove(folder, lock)


def _remove(folder: Path, lock: FileLock) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    lock.release()  # Windows removes no file that is open
    shutil.rmtree(folder, ignore_errors=True)
