"""What is kept from one process to the next: where, of which kinds, and how much of it.

All of it can be made again. What a crash, a full disk or a hand from outside has spoilt is found
out when it is to be used, said in one line, and made anew.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import warnings
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kerascnn.errors import UserError
from kerascnn.files import (
    UnreadableError,
    legible,
    outside,
    read_regular,
    remove_partial,
    size_text,
    status,
    written_whole,
)

LIMIT = "KERASCNN_CACHE_LIMIT"
_DEFAULT_LIMIT = "20G"
_UNITS = {"K": 2**10, "M": 2**20, "G": 2**30, "T": 2**40}
_MOST_TEXT = 2**20  # bytes of a remembered value

# Kind -> (what it is, its files); those of one entry have all before the first dot in common.
KINDS = {
    "decoded": ("images as networks get them", ("decoded/*.npy", "decoded/*.json")),
    "features": ("what networks compute of images", ("features/*.npy", "features/*.json")),
    "statistics": ("mean and deviation of training images", ("statistics/*.json",)),
    "sets": ("what TFDS says of prepared sets", ("sets/*.json",)),
    "speeds": ("which precision is faster for a network here", ("speeds/*.json",)),
    "stores": ("the empty tables of a tracking store", ("stores/*.json",)),
    "images": ("what was found in image files", ("images*.db", "images*.db-*")),
    "importance": ("what moves the objective of a sweep", ("importance/*.json",)),
}


def cache_folder() -> Path:
    """Returns where derived data is kept: KERASCNN_CACHE, or a folder in the user's cache.

    Raises:
        UserError: If the user has no home folder, or no folder can have that name.
    """
    given = os.environ.get("KERASCNN_CACHE")
    if given:
        return outside(given)
    try:
        return outside(os.environ.get("XDG_CACHE_HOME") or "~/.cache") / "kerascnn"
    except UnreadableError as error:
        raise UserError(f"{error}: KERASCNN_CACHE names a folder to keep derived data in") from None


def cache_limit() -> int:
    """Returns how many bytes may be kept: KERASCNN_CACHE_LIMIT, in GiB or with a unit.

    Raises:
        UserError: If it is no size.
    """
    given = os.environ.get(LIMIT) or _DEFAULT_LIMIT
    found = re.fullmatch(r"(\d{1,9}(?:\.\d{1,9})?) ?([KMGT]?)(?:I?B)?", given.strip().upper())
    if found is None:
        raise UserError(f"{LIMIT}: must be a size such as 20G or 500M, got '{legible(given)}'")
    return int(float(found[1]) * _UNITS[found[2] or "G"])


@dataclass(frozen=True)
class Entry:
    """One thing that is kept.

    Attributes:
        kind: One of KINDS.
        paths: Its files.
        size: In bytes.
        used: When it was last used, in seconds since the epoch.
    """

    kind: str
    paths: tuple[Path, ...]
    size: int
    used: float

    def remove(self) -> None:
        """Removes its files; who has them open goes on with them."""
        for path in self.paths:
            with contextlib.suppress(OSError):
                path.unlink(missing_ok=True)


def entries(kinds: Collection[str] = tuple(KINDS)) -> list[Entry]:
    """Returns all that is kept of some kinds, the one that was used last at the end."""
    found = [entry for kind in kinds for entry in _entries(kind)]
    return sorted(found, key=lambda entry: entry.used)


def _entries(kind: str) -> Iterator[Entry]:
    together: dict[Path, dict[Path, os.stat_result]] = {}
    for pattern in KINDS[kind][1]:
        for path in cache_folder().glob(pattern):
            with contextlib.suppress(OSError):
                name = path.name.partition(".")[0]  # empty where it is still being written
                if name and not path.is_dir():
                    together.setdefault(path.with_name(name), {})[path] = path.lstat()
    for states in together.values():
        size = sum(state.st_size for state in states.values())
        used = max(state.st_mtime for state in states.values())
        yield Entry(kind, tuple(states), size, used)


def clear(kinds: Collection[str] = tuple(KINDS)) -> list[Entry]:
    """Removes all that is kept of some kinds, and returns what it was."""
    found = entries(kinds)
    for entry in found:
        entry.remove()
    _remove_partial(kinds)
    return found


def _remove_partial(kinds: Collection[str]) -> None:
    for kind in kinds:
        for pattern in KINDS[kind][1]:
            remove_partial(_place(kind), Path(pattern).name)


def _place(kind: str) -> Path:
    return (cache_folder() / KINDS[kind][1][0]).parent


def make_room(size: int = 0) -> None:
    """Removes what has not been used for longest until so many bytes more are within the limit.

    Raises:
        UserError: If the limit is smaller than that.
    """
    limit = cache_limit()
    if size > limit:
        raise UserError(
            f"{size_text(size)} are more than the {size_text(limit)} that may be kept in "
            f"{cache_folder()}: set {LIMIT} to more"
        )
    found = entries()
    written = 0
    _remove_partial(KINDS)
    for kind in KINDS:
        for path in _place(kind).glob(".*.partial*"):
            with contextlib.suppress(OSError):
                written += path.lstat().st_size
    total = size + written + sum(entry.size for entry in found)
    for entry in found:
        if total <= limit:
            break
        entry.remove()
        total -= entry.size


def used_now(path: Path) -> None:
    """Notes that an entry is used, by one of its files."""
    with contextlib.suppress(OSError):
        os.utime(path)


def warn_of_damage(path: Path, reason: str) -> None:
    """Says in one line that something kept cannot be used."""
    warnings.warn(f"{path}: {reason}: what was kept there is made anew", stacklevel=3)


def recall(kind: str, name: str) -> Any:
    """Returns a value that `remember` has kept; None where there is none, or it is damaged."""
    try:
        path = _place(kind) / f"{name}.json"
        if status(path) is None:
            return None
        kept = json.loads(read_regular(path, _MOST_TEXT))
        value = kept["value"]
        whole = kept["sha256"] == _digest(name, value)
    except UserError:  # it cannot be reached
        return None
    except (ValueError, TypeError, KeyError, RecursionError):
        whole = False
    if not whole:
        warn_of_damage(path, "is damaged")
        return None
    used_now(path)
    return value


def remember(kind: str, name: str, value: Any) -> None:
    """Keeps a value of plain types, where it can be written.

    Args:
        kind: One of KINDS.
        name: What names it among its kind.
        value: Of lists, numbers and texts.
    """
    text = json.dumps({"value": value, "sha256": _digest(name, value)})
    with contextlib.suppress(OSError, UserError):
        make_room(len(text))
        with written_whole(_place(kind) / f"{name}.json") as unfinished:
            unfinished.write_text(text, encoding="utf-8")


def _digest(name: str, value: Any) -> str:
    return hashlib.sha256(json.dumps([name, value]).encode()).hexdigest()
