"""What is in a model file, looked at before it is read: no part may promise more than it has.

A member of an archive can be a thousand times what it takes on disk, a weight a million times; and
a member's name can lead anywhere.
"""

from __future__ import annotations

import contextlib
import io
import json
import math
import re
import stat
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from kerascnn.errors import UserError
from kerascnn.files import opened_regular, size_text

if TYPE_CHECKING:
    import h5py

WEIGHTS = "model.weights.h5"
_CONFIG, _INPUT = "config.json", "InputLayer"
ABOUT = "kerascnn.json"  # classes, recipe and format, of models that kerascnn saved
_MOST_BYTES = 2**35  # of the file
_MOST_DIRECTORY = 2**20  # bytes of an archive's list of members: about ten thousand
_MOST_JSON = 2**24  # bytes; that of a network of 1,202 layers has a quarter
_MOST_MEMBER = 2**34  # bytes
# Keras packs nothing; somebody else may have, and zeros a lot.
_SMALL, _MOST_RATIO = 2**20, 100
_MOST_OBJECTS = 100_000  # groups and weights
_SLACK = 2**18  # weights that may be missing: none are, but small things cost nothing


class _Guarded:
    """A file of which no more than a bounded part is read at once, until `limit` is None."""

    def __init__(self, file: BinaryIO):
        self.limit: int | None = _MOST_DIRECTORY
        self._file = file
        self.seek, self.tell, self.seekable = file.seek, file.tell, file.seekable

    def read(self, size: int = -1) -> bytes:
        if self.limit is not None and size > self.limit:
            raise zipfile.BadZipFile("too many members")
        return self._file.read(size)


@contextlib.contextmanager
def opened_archive(path: Path) -> Iterator[zipfile.ZipFile]:
    """Opens a model file, if none of its members is more than a model needs.

    Raises:
        UserError: If it cannot be read, or a member is too large, packed too tightly, or leads out
            of the archive.
        zipfile.BadZipFile: If it is no archive, or a damaged one.
    """
    with opened_regular(path, _MOST_BYTES) as file:
        guarded = _Guarded(file)
        with zipfile.ZipFile(guarded) as archive:
            guarded.limit = None
            for member in archive.infolist():
                fault = _fault(member)
                if fault:
                    name = member.filename[:100]
                    raise UserError(f"{path}: its member '{name}' {fault}: not loaded")
            yield archive


def stored_about(path: Path) -> dict[str, Any] | None:
    """Returns what kerascnn wrote into a model file about it; None where it is not kerascnn's.

    Raises:
        UserError: If the file is missing or damaged.
    """
    try:
        with opened_archive(path) as archive:
            if ABOUT not in archive.namelist():
                return None
            about = json.loads(archive.read(ABOUT))
    except (zipfile.BadZipFile, OSError, ValueError, RuntimeError) as error:
        if isinstance(error, UserError):
            raise
        raise UserError(f"{path}: damaged, or not a .keras file") from None
    return about if isinstance(about, dict) else None


def stored_input_shape(path: Path) -> tuple[int, ...] | None:
    """Returns the shape (H, W, C) of the images that a model file's network takes.

    Returns:
        None where the file does not say so: it is no network of one input of known size.

    Raises:
        UserError: If the file is missing or damaged.
    """
    try:
        with opened_archive(path) as archive:
            layers = json.loads(archive.read(_CONFIG))["config"]["layers"]
        shapes = [one["config"]["batch_shape"] for one in layers if one["class_name"] == _INPUT]
        (shape,) = shapes
        return tuple(int(size) for size in shape[1:])
    except (zipfile.BadZipFile, OSError, RuntimeError) as error:
        if isinstance(error, UserError):
            raise
        raise UserError(f"{path}: damaged, or not a .keras file") from None
    except (KeyError, TypeError, ValueError):
        return None


def _fault(member: zipfile.ZipInfo) -> str | None:
    name, size = member.filename, member.file_size
    if re.match(r"[/\\]|[A-Za-z]:", name) or ".." in re.split(r"[/\\]", name):
        return "leads out of the file"
    if stat.S_ISLNK(member.external_attr >> 16):
        return "is a link"
    most = _MOST_JSON if name.endswith(".json") else _MOST_MEMBER
    if size > most:
        return f"would be {size_text(size)}; at most {size_text(most)} are read"
    if size > _SMALL and size > _MOST_RATIO * member.compress_size:
        return f"would be {size_text(size)}, packed to {size_text(member.compress_size)}"
    return None


def stored_weights(content: bytes) -> int:
    """Returns how many numbers an HDF5 file of weights holds.

    Args:
        content: Of the file.

    Raises:
        ValueError: If it holds something else, or less than it promises.
        OSError: If it is no HDF5 file, or a damaged one.
    """
    import h5py

    with h5py.File(io.BytesIO(content), "r") as file:
        return check_stored(file, len(content))


def check_stored(file: h5py.File, size: int) -> int:
    """Returns how many numbers an open HDF5 file of weights holds.

    Args:
        file: As h5py opened it.
        size: Its bytes.

    Raises:
        ValueError: If it holds something else, or less than it promises.
    """
    import h5py

    numbers, promised, objects = 0, 0, 0

    def leads_out(name: bytes, link: Any) -> bool | None:
        # True ends the visit; an exception would become h5py's own SystemError.
        return True if link.type != h5py.h5l.TYPE_HARD else None

    def count(name: str, found: Any) -> None:
        nonlocal numbers, promised, objects
        objects += 1
        if objects > _MOST_OBJECTS:
            raise ValueError("holds too many weights")
        if isinstance(found, h5py.Dataset):
            if found.is_virtual or found.external:
                raise ValueError("its weights lead out of the file")
            numbers += math.prod(found.shape or ())
            promised += math.prod(found.shape or ()) * found.dtype.itemsize
            if promised > size:
                raise ValueError(
                    f"its weights would be {size_text(promised)} or more, in {size_text(size)}"
                )

    if file.id.links.visit(leads_out, info=True):
        raise ValueError("its weights lead out of the file")
    file.visititems(count)
    return numbers


def check_weights(wanted: int, stored: int) -> None:
    """Raises ValueError if a network has far more weights than there are for it.

    Args:
        wanted: Numbers that the network has as weights.
        stored: Numbers that the file holds.
    """
    if wanted > stored + _SLACK:
        raise ValueError(f"has {wanted:,} weights, of which the file holds {stored:,}")
