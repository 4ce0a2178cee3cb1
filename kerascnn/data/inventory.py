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
import warnings
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import astuple, dataclass
from pathlib import Path

from kerascnn.cache import cache_folder
from kerascnn.data.images import JPEG, OTHER, PNG, UnreadableImageError, opened, upright_rgb
from kerascnn.hardware import processors

_ORIENTATION = 0x0112  # EXIF tag
_SCHEMA = """CREATE TABLE IF NOT EXISTS images (path TEXT PRIMARY KEY, stamp TEXT, digest TEXT,
    pixels TEXT, format TEXT, mode TEXT, width INTEGER, height INTEGER, decoder INTEGER, fault TEXT,
    size INTEGER)"""
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

    @property
    def grey(self) -> bool:
        """Whether the pixels have no colour."""
        return self.mode[:1] in ("1", "L", "I", "F") and self.mode != "LAB"


def _hash(*parts: bytes) -> str:
    content = hashlib.sha256()
    for part in parts:
        content.update(part)
    return content.hexdigest()[:32]


def inspect(path: Path) -> ImageFacts:
    """Reads and decodes a file wholly."""
    try:
        content = path.read_bytes()
    except OSError as error:
        return ImageFacts("", fault=(error.strerror or str(error)).lower())
    digest = _hash(content)
    if not content:
        return ImageFacts(digest, fault="is empty")
    try:
        with opened(io.BytesIO(content)) as image:
            shown = upright_rgb(image)
            turned = image.getexif().get(_ORIENTATION, 1)
            height, width = shown.shape[:2]
            plain = image.mode in ("L", "RGB") and not image.has_transparency_data
            plain = plain and turned in (0, 1) and not getattr(image, "is_animated", False)
            decoder = {"JPEG": JPEG, "PNG": PNG}.get(image.format or "", OTHER) if plain else OTHER
            kind = image.format or "", image.mode
            pixels = _hash(repr(shown.shape).encode(), shown.tobytes())
            return ImageFacts(digest, pixels, *kind, width, height, decoder, size=len(content))
    except UnreadableImageError as error:
        return ImageFacts(digest, fault=str(error).removeprefix("image: "))


@contextlib.contextmanager
def progress(what: str, total: int) -> Iterator[Callable[[int], None]]:
    """Shows a bar on stderr while files are read, if that is a terminal; gone when done."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeRemainingColumn

    console = Console(stderr=True)
    columns = (what, BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(
        *columns, console=console, transient=True, disable=not console.is_terminal
    ) as bar:
        task = bar.add_task(what, total=total)
        yield lambda number: bar.advance(task, number)


class _Memory:
    """Facts of files seen before, by path, size and time of change; forgotten where it fails."""

    def __init__(self) -> None:
        self._connection: sqlite3.Connection | None = None
        with contextlib.suppress(OSError, sqlite3.Error):
            cache_folder().mkdir(parents=True, exist_ok=True)
            connection = sqlite3.connect(cache_folder() / "images.db", timeout=5)
            connection.execute(_SCHEMA)
            self._connection = connection

    @staticmethod
    def stamp(path: Path) -> str:
        try:
            status = path.stat()
        except OSError:
            return ""
        return f"{status.st_size} {status.st_mtime_ns}"

    def recall(self, path: Path, stamp: str) -> ImageFacts | None:
        if self._connection is None:
            return None
        with contextlib.suppress(sqlite3.Error):
            row = self._connection.execute(
                "SELECT digest, pixels, format, mode, width, height, decoder, fault, size "
                "FROM images "
                "WHERE path = ? AND stamp = ?",
                (os.fsencode(path), stamp),
            ).fetchone()
            return ImageFacts(*row) if row else None
        return None

    def keep(self, found: Iterable[tuple[Path, str, ImageFacts]]) -> None:
        rows = [(os.fsencode(path), stamp, *astuple(facts)) for path, stamp, facts in found]
        if self._connection is not None:
            with contextlib.suppress(sqlite3.Error), self._connection:
                self._connection.executemany(
                    f"INSERT OR REPLACE INTO images VALUES ({', '.join('?' * 11)})", rows
                )

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()


def inspect_all(
    paths: list[Path], advance: Callable[[int], None] | None = None
) -> Iterator[ImageFacts]:
    """Yields the facts of files in order, reading those that are new or have changed.

    Args:
        paths: The paths of the files.
        advance: Called with the number of files done since the last call.
    """
    memory = _Memory()
    workers = min(32, processors())
    with warnings.catch_warnings(), ThreadPoolExecutor(workers) as pool:
        warnings.simplefilter("ignore")  # Pillow on odd metadata; what matters is a fault
        try:
            for start in range(0, len(paths), _CHUNK):
                chunk = paths[start : start + _CHUNK]
                stamps = [memory.stamp(path) for path in chunk]
                known = [memory.recall(path, s) for path, s in zip(chunk, stamps, strict=True)]
                new = [i for i, facts in enumerate(known) if facts is None]
                read = dict(zip(new, pool.map(inspect, [chunk[i] for i in new]), strict=True))
                memory.keep((chunk[i], stamps[i], facts) for i, facts in read.items())
                if advance:
                    advance(len(chunk))
                yield from (facts or read[i] for i, facts in enumerate(known))
        finally:
            memory.close()
