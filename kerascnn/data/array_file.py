"""Images in a file as an array: checked before they are used, and read row by row.

A file that is mapped into memory ends the process when it turns out shorter; one that is read says
so.
"""

from __future__ import annotations

import hashlib
import io
import json
import math
import os
import weakref
from collections.abc import Iterable
from itertools import chain
from pathlib import Path

import numpy as np

from kerascnn.cache import used_now, warn_of_damage
from kerascnn.files import UnreadableError, opened_regular, read_regular, status, written_whole

_MOST = 2**62  # bytes
_MOST_BESIDE = 2**16  # bytes of the file that holds the checksum


class ArrayFile:
    """Rows of a .npy file of uint8.

    Args:
        path: The path of the file.
        shape: Of the array, rows first.

    Attributes:
        shape: Of the array, rows first.
        failure: Why rows could not be read, once that has happened.
    """

    def __init__(self, path: Path, shape: tuple[int, ...]):
        self.shape = shape
        self.failure: str | None = None
        self._path = path
        self._descriptor = os.open(path, os.O_RDONLY)
        weakref.finalize(self, os.close, self._descriptor)
        self._start = len(_header(shape))
        self._row = math.prod(shape[1:])

    def __getitem__(self, rows: np.ndarray) -> np.ndarray:
        """Returns rows, uint8 (N, ...), by their numbers.

        Raises:
            OSError: If they cannot be read.
        """
        found = np.empty((len(rows), *self.shape[1:]), np.uint8)
        flat = found.reshape(len(rows), self._row)
        try:
            if len(rows) and (np.diff(rows) == 1).all():
                self._read(flat.reshape(-1), int(rows[0]))
            else:
                for row, number in zip(flat, rows.tolist(), strict=True):
                    self._read(row, number)
        except OSError as error:
            self.failure = f"{self._path}: {error.strerror}"
            raise
        return found

    def _read(self, into: np.ndarray, number: int) -> None:
        offset, left = self._start + number * self._row, into.data
        while len(left):
            read = os.preadv(self._descriptor, [left], offset)
            if read == 0:
                raise OSError(0, "has become shorter while it was read")
            offset, left = offset + read, left[read:]


def _header(shape: tuple[int, ...]) -> bytes:
    header = io.BytesIO()
    form = {"descr": "|u1", "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(header, form)
    return header.getvalue()


def _beside(path: Path) -> Path:
    return path.with_suffix(".json")


def file_size(shape: tuple[int, ...]) -> int:
    """Returns how many bytes the file of an array has."""
    return len(_header(shape)) + math.prod(shape)


def write_array(path: Path, shape: tuple[int, ...], rows: Iterable[np.ndarray]) -> None:
    """Writes an array of uint8 with its checksum; whatever goes wrong, no part of it is left.

    Args:
        path: Of the .npy file; the checksum is kept beside it.
        shape: Of the array, rows first.
        rows: All of them, several at a time.

    Raises:
        OSError: If it cannot be written.
    """
    checksum = hashlib.sha256()
    with written_whole(path) as unfinished, unfinished.open("wb") as file:
        # Reserves the space: a full disk is found out before the work.
        if hasattr(os, "posix_fallocate"):
            os.posix_fallocate(file.fileno(), 0, file_size(shape))
        contents = (np.ascontiguousarray(images).data for images in rows)
        for part in chain([memoryview(_header(shape))], contents):
            file.write(part)
            checksum.update(part)
    _note(path, checksum.hexdigest())


def _note(path: Path, checksum: str) -> None:
    text = json.dumps({"sha256": checksum, "checked": _stamp(path.stat())})
    with written_whole(_beside(path)) as unfinished:
        unfinished.write_text(text, encoding="utf-8")


def _stamp(found: os.stat_result) -> list[int]:
    """Returns what changes whenever a file's content does."""
    return [found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns]


def open_array(path: Path, shape: tuple[int, ...]) -> ArrayFile | None:
    """Opens what `write_array` has written, if it still is that.

    The checksum is computed only where the file has been touched since it was last found right.

    Args:
        path: Of the .npy file.
        shape: That the array must have, rows first.

    Returns:
        None where there is no such file, or a damaged one; warns of that.
    """
    try:
        if status(path) is None:
            return None
        damage = _damage(path, shape)
    except UnreadableError as error:
        damage = error.reason
    if damage:
        warn_of_damage(path, damage)
        return None
    used_now(_beside(path))
    return ArrayFile(path, shape)


def _damage(path: Path, shape: tuple[int, ...]) -> str | None:
    with opened_regular(path, _MOST) as file:
        found = os.fstat(file.fileno())
        header = _header(shape)
        if found.st_size != file_size(shape) or file.read(len(header)) != header:
            return "is cut off, or something else"
        try:
            noted = json.loads(read_regular(_beside(path), _MOST_BESIDE))
            checksum, checked = noted["sha256"], noted["checked"]
        except (UnreadableError, ValueError, TypeError, KeyError, RecursionError):
            return "has no checksum"
        if checked != _stamp(found):
            file.seek(0)
            if hashlib.file_digest(file, "sha256").hexdigest() != checksum:
                return "is damaged"
            _note(path, checksum)
    return None
