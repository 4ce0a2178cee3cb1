"""Temporary files of a process that runs trials, and of its trials: one folder holds them all.

Trials end by being killed, and so may the process that runs them, so that nobody is sure to clear
up behind them: TensorFlow leaves the code that it makes, MLflow what it was about to send. Whoever
runs trials next removes the folders that dead processes have left.
"""

from __future__ import annotations

import atexit
import contextlib
import fcntl
import functools
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

# In $TMPDIR. Short: multiprocessing's socket lies within, and paths of sockets have 107 bytes.
_PREFIX = ".kerascnn-"


@functools.cache
def scratch_folder() -> Path:
    """Returns this process's folder, which goes with it."""
    parent = Path(tempfile.gettempdir())
    for left_over in parent.glob(f"{_PREFIX}????????"):  # as mkdtemp names them
        _remove_if_dead(left_over)
    while True:
        folder = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=parent))
        with contextlib.suppress(BlockingIOError, FileNotFoundError):  # it was taken for a dead one
            _lock(folder)
            if folder.is_dir():
                break
    atexit.register(clear_scratch)
    return folder


def clear_scratch() -> None:
    """Removes this process's folder, if there is one."""
    if scratch_folder.cache_info().currsize:
        shutil.rmtree(scratch_folder(), ignore_errors=True)
        scratch_folder.cache_clear()


@contextlib.contextmanager
def temporary_files_in_scratch() -> Iterator[None]:
    """Lets whatever asks Python for temporary files in a block have them in `scratch_folder`."""
    before = tempfile.tempdir
    tempfile.tempdir = str(scratch_folder())
    try:
        yield
    finally:
        tempfile.tempdir = before


def _lock(folder: Path) -> int:
    """Locks a folder for as long as this process lives, and is not forked."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        raise
    return descriptor


def _remove_if_dead(folder: Path) -> None:
    with contextlib.suppress(OSError):  # it is locked, somebody else's, or gone
        descriptor = _lock(folder)
        shutil.rmtree(folder, ignore_errors=True)
        os.close(descriptor)
