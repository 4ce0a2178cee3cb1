"""What is in image files: each is read and decoded once, and the result remembered.

Loading a folder finds its broken files, sizes and fingerprint here before the first epoch, and
`kerascnn datasets check` its report.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import os
import sqlite3
import stat
import sys
import warnings
import zlib
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import astuple, dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from kerascnn.cache import cache_folder, make_room, used_now, warn_of_damage
from kerascnn.data.images import (
    JPEG,
    LARGE,
    OTHER,
    PNG,
    UnreadableImageError,
    content_of,
    opened,
    orientation,
    upright_rgb,
)
from kerascnn.data.near_duplicates import perceptual_hash
from kerascnn.data.structure import sound_jpeg, sound_png
from kerascnn.errors import UserError
from kerascnn.files import legible, status
from kerascnn.hardware import processors

if TYPE_CHECKING:
    from PIL import Image

_FILE = "images.db"
_SCHEMA = """CREATE TABLE IF NOT EXISTS facts (path TEXT PRIMARY KEY, stamp TEXT, checksum INTEGER,
    digest TEXT, pixels TEXT, format TEXT, mode TEXT, width INTEGER, height INTEGER,
    decoder INTEGER, fault TEXT, size INTEGER)"""
# Kept apart from the facts: only `datasets check` asks for them.
_HASHES = "CREATE TABLE IF NOT EXISTS hashes (pixels TEXT PRIMARY KEY, checksum INTEGER, hash TEXT)"
# SQLite's codes for a file that is no database, a damaged one, and one with other tables.
_DAMAGED = (sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_ERROR)
_CHUNK = 256


@dataclass(frozen=True, slots=True)
class ImageFacts:
    """What is known of an image file.

    Attributes:
        digest: Hash over the file.
        pixels: Hash over the image as it is shown, whatever it is stored as; empty if unreadable.
        format: Pillow's name of the format, by content; empty if it is no image.
        mode: Pillow's name of the pixels' kind, such as L, RGB, P or CMYK.
        width: As shown, that is after an EXIF rotation.
        height: As shown.
        decoder: JPEG, PNG or OTHER; see `kerascnn.data.images`.
        fault: Why it cannot be read, or None.
        size: In bytes.
        hash: Perceptual hash, as `perceptual_hash` has it; empty where nobody has asked for it.
    """

    digest: str
    pixels: str = ""
    format: str = ""
    mode: str = ""
    width: int = 0
    height: int = 0
    decoder: int = OTHER
    fault: str | None = None
    size: int = 0
    hash: str = ""

    @property
    def grey(self) -> bool:
        """Whether the pixels have no colour."""
        return self.mode[:1] in ("1", "L", "I", "F") and self.mode != "LAB"


# Format -> TensorFlow's decoder of it, and what makes sure that it will not fail.
_SOUND = {"JPEG": (JPEG, sound_jpeg), "PNG": (PNG, sound_png)}


def _hash(*parts: bytes | memoryview) -> str:
    content = hashlib.sha256()
    for part in parts:
        content.update(part)
    return content.hexdigest()[:32]


def inspect(path: Path, *, hashed: bool = False) -> ImageFacts:
    """Reads and decodes a file wholly.

    Args:
        path: Of the file.
        hashed: Whether to make the perceptual hash, which takes about 2 ms.
    """
    try:
        with content_of(path) as content:
            return _facts(content, hashed)
    except UnreadableImageError as error:
        return ImageFacts("", fault=str(error).removeprefix(f"{legible(path)}: "))


def _facts(content: bytes, hashed: bool) -> ImageFacts:
    digest = _hash(content)
    if not content:
        return ImageFacts(digest, fault="is empty")
    try:
        with opened(io.BytesIO(content)) as image:
            kind = image.format or "", image.mode
            width, height = image.size
            shown = upright_rgb(image)
            pixels = _hash(repr(shown.shape).encode(), shown.data)
            turned = orientation(image)
            if turned >= 5:
                width, height = height, width
            decoder = decoder_of(image, content)
            near = perceptual_hash(shown) if hashed else ""
            return ImageFacts(
                digest, pixels, *kind, width, height, decoder, size=len(content), hash=near
            )
    except UnreadableImageError as error:
        return ImageFacts(digest, fault=str(error).removeprefix("image: "))


def decoder_of(image: Image.Image, content: bytes) -> int:
    """Returns JPEG, PNG or OTHER: which decoder gives exactly Pillow's pixels of a file.

    Args:
        image: The file, as Pillow opens it.
        content: Of the file.
    """
    plain = image.mode in ("L", "RGB") and not image.has_transparency_data
    plain = plain and orientation(image) == 1 and not getattr(image, "is_animated", False)
    plain = plain and image.width * image.height <= LARGE
    sound = _SOUND.get(image.format or "") if plain else None
    return sound[0] if sound is not None and sound[1](content) else OTHER


@contextlib.contextmanager
def progress(what: str, total: int, done: int = 0) -> Iterator[Callable[[int], None]]:
    """Shows a bar on stderr while files are read, if that is a terminal; gone when done.

    What is printed meanwhile stands above it, where it goes to the same terminal.

    Args:
        what: Is counted.
        total: How many there are.
        done: How many of them already.
    """
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeRemainingColumn

    console = Console(stderr=True)
    columns = (what, BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(
        *columns,
        console=console,
        transient=True,
        disable=not console.is_terminal,
        redirect_stdout=sys.stdout.isatty(),  # and never what goes into a file
    ) as bar:
        task = bar.add_task(what, total=total, completed=done)
        yield lambda number: bar.advance(task, number)


class _Memory:
    """Facts of files seen before, by path, size and time of change; forgotten where it fails."""

    def __init__(self) -> None:
        self._connection: sqlite3.Connection | None = None
        self._changed = False
        self.damage: str | None = None
        with self._failing():
            self._open()

    def _open(self) -> None:
        path = cache_folder() / _FILE
        path.parent.mkdir(parents=True, exist_ok=True)
        found = status(path)
        if found is not None and not stat.S_ISREG(found.st_mode):
            self._set_aside()
        connection = sqlite3.connect(path, timeout=5)
        self._connection = connection
        connection.execute(_SCHEMA)
        connection.execute(_HASHES)
        connection.execute("DROP TABLE IF EXISTS images")  # of version 0.2

    @contextlib.contextmanager
    def _failing(self) -> Iterator[None]:
        """Does without where the file cannot be used, and begins another where it is damaged."""
        try:
            yield
        except (OSError, UserError, sqlite3.Error) as error:
            if getattr(error, "sqlite_errorcode", 0) & 0xFF not in _DAMAGED:
                return
            with contextlib.suppress(OSError, UserError, sqlite3.Error):
                self._set_aside()
                self._open()

    def _set_aside(self) -> None:
        self.close()
        path = cache_folder() / _FILE
        aside = path.with_name(f"{path.stem}-damaged.db")
        os.replace(path, aside)
        for ending in ("-journal", "-wal", "-shm"):  # or they would be applied to the new one
            path.with_name(path.name + ending).unlink(missing_ok=True)
        self.damage = f"is damaged: set aside as {aside.name}"

    @staticmethod
    def stamp(path: Path) -> str:
        try:
            found = path.stat()
        except OSError:
            return ""
        return f"{found.st_size} {found.st_mtime_ns}"

    def recall(self, path: Path, stamp: str, hashed: bool = False) -> ImageFacts | None:
        """Returns what is remembered of a file; None where that is not all that is asked for."""
        facts = self._recall(path, stamp)
        if facts is None or not hashed or facts.fault:
            return facts
        near = self._recall_hash(facts.pixels)
        return replace(facts, hash=near) if near else None

    def _recall_hash(self, pixels: str) -> str:
        with self._failing():
            if self._connection is not None:
                row = self._connection.execute(
                    "SELECT checksum, hash FROM hashes WHERE pixels = ?", (pixels,)
                ).fetchone()
                if row and row[0] == _checksum(b"", pixels, row[1:]):
                    return str(row[1])
                if row:
                    self.damage = "holds damaged facts"
        return ""

    def _recall(self, path: Path, stamp: str) -> ImageFacts | None:
        with self._failing():
            if self._connection is not None:
                name = os.fsencode(path)
                row = self._connection.execute(
                    "SELECT checksum, digest, pixels, format, mode, width, height, decoder, fault, "
                    "size FROM facts WHERE path = ? AND stamp = ?",
                    (name, stamp),
                ).fetchone()
                if row and row[0] == _checksum(name, stamp, row[1:]):
                    return ImageFacts(*row[1:])
                if row:
                    self.damage = "holds damaged facts"
        return None

    def keep(self, found: Iterable[tuple[Path, str, ImageFacts]]) -> None:
        rows, hashes = [], []
        for path, stamp, facts in found:
            name, (*values, near) = os.fsencode(path), astuple(facts)
            rows.append((name, stamp, _checksum(name, stamp, tuple(values)), *values))
            if near:
                hashes.append((facts.pixels, _checksum(b"", facts.pixels, (near,)), near))
        with self._failing():
            if self._connection is not None and rows:
                self._changed = True
                with self._connection:
                    self._connection.executemany(
                        f"INSERT OR REPLACE INTO facts VALUES ({', '.join('?' * 12)})", rows
                    )
                    self._connection.executemany(
                        "INSERT OR REPLACE INTO hashes VALUES (?, ?, ?)", hashes
                    )

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def end(self) -> None:
        """Closes it, and says what was found damaged."""
        self.close()
        with contextlib.suppress(UserError):
            used_now(cache_folder() / _FILE)
            if self._changed:
                make_room()
        if self.damage:
            warn_of_damage(cache_folder() / _FILE, self.damage)


def _checksum(name: bytes, stamp: str, values: tuple[object, ...]) -> int:
    return zlib.crc32(repr((name, stamp, *values)).encode())


def remembered_files() -> int:
    """Returns of how many image files facts are remembered."""
    try:
        path = cache_folder() / _FILE
        with contextlib.closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)) as database:
            return int(database.execute("SELECT COUNT(*) FROM facts").fetchone()[0])
    except (OSError, sqlite3.Error):
        return 0


def inspect_all(
    paths: list[Path], advance: Callable[[int], None] | None = None, *, hashed: bool = False
) -> Iterator[ImageFacts]:
    """Yields the facts of files in order, reading those that are new or have changed.

    Args:
        paths: The paths of the files.
        advance: Called with the number of files done since the last call.
        hashed: Whether to make the perceptual hash of each, too.
    """
    look = partial(inspect, hashed=True) if hashed else inspect
    memory = _Memory()
    workers = min(32, processors())
    try:
        with warnings.catch_warnings(), ThreadPoolExecutor(workers) as pool:
            warnings.simplefilter("ignore")  # Pillow on odd metadata; what matters is a fault
            for start in range(0, len(paths), _CHUNK):
                chunk = paths[start : start + _CHUNK]
                stamps = [memory.stamp(path) for path in chunk]
                known = [
                    memory.recall(path, stamp, hashed)
                    for path, stamp in zip(chunk, stamps, strict=True)
                ]
                new = [i for i, facts in enumerate(known) if facts is None]
                read = dict(zip(new, pool.map(look, [chunk[i] for i in new]), strict=True))
                memory.keep((chunk[i], stamps[i], facts) for i, facts in read.items())
                if advance:
                    advance(len(chunk))
                yield from (facts or read[i] for i, facts in enumerate(known))
    finally:
        memory.end()
