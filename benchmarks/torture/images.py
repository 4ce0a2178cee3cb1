"""Damaged image files, through `datasets check`, `train` and `predict`."""

from __future__ import annotations

import io
import json
import random
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path

from PIL import Image

from benchmarks.torture.command_line import Finished, Place
from benchmarks.torture.count import Count
from tests.data.damage import encoded, files
from tests.data.pictures import picture

FOLDERS = 3  # in which the images lie


def _png(width: int, height: int, rows: bytes) -> bytes:
    """Returns a PNG file of 8 bits of grey that promises a size, whatever is in it."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        check = struct.pack(">I", zlib.crc32(kind + content))
        return struct.pack(">I", len(content)) + kind + content + check

    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    parts = chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + parts


def bombs(chance: random.Random) -> Iterator[bytes]:
    """Yields files that are small, and are or promise to be very large images."""
    yield _png(13_300, 13_300, bytes(13_301 * 13_300))
    yield _png(60_000, 60_000, bytes(1000))
    yield _png(2**31 - 1, 2**31 - 1, b"")
    yield _png(0, 0, b"")
    yield _png(1, 2**30, bytes(4))
    for kind in ("GIF", "BMP", "TIFF", "PNG", "WEBP", "JPEG", "TGA"):
        content = bytearray(encoded(kind, "RGB", (33, 40)))
        for _ in range(2):
            # Some of its first bytes are its size, whatever the format.
            at = chance.randrange(4, min(len(content), 40))
            content[at : at + 4] = b"\xff\xff\xff\x7f"
        yield bytes(content)
    yield b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9999 9999\nshowpage\n"
    yield b""
    yield b"\0" * 100_000
    floats = io.BytesIO()
    Image.new("F", (8, 8), float("nan")).save(floats, "TIFF")
    yield floats.getvalue()


def attacks(number: int, chance: random.Random) -> list[bytes]:
    """Returns damaged files: bombs, and files of all kinds with places changed or cut off."""
    found = list(bombs(chance))
    return [*found, *files(number - len(found), chance.randrange(2**32))]


def fuzz(folder: Path, number: int, chance: random.Random, model: Path) -> Count:
    """Has the commands read damaged images.

    What the check passes must be trained on; what it names must be left out; each file must be
    classified or named.
    """
    count = Count("Damaged images: `datasets check`, `train`, `predict`", "images")
    contents = attacks(number, chance)
    for part in range(FOLDERS):
        place = Place(folder / str(part))
        names = []
        for index, content in enumerate(contents[part::FOLDERS]):
            path = place.work / "images" / f"class-{index % 2}" / f"{index}.jpg"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
            names.append(str(path.relative_to(place.work)))
        for index in range(24):  # some to train on, whatever becomes of the others
            whole = Image.fromarray(picture(40, 40))
            whole.putpixel((index, 0), (index, index, 255 - index))
            path = place.work / "images" / f"class-{index % 2}" / f"whole-{index}.png"
            whole.save(path)
        faults = _through(place, count, names, model)
        count.add(f"folder {part}", faults, len(names))
    return count.done()


def _through(place: Place, count: Count, names: list[str], model: Path) -> list[str]:
    checked = place.run("datasets", "check", "images", "--fix-list", "broken.txt")
    trained = _train(place, "first", "--skip-broken")
    answered = place.run("predict", model, *names, "--format", "json")
    # Without what the check has named, training needs no --skip-broken.
    for line in (place.work / "broken.txt").read_text(encoding="utf-8").splitlines():
        (place.work / "images" / line.split("\t")[0]).unlink()
    after = _train(place, "second")
    commands = (checked, trained, answered, after)
    count.saw(*commands)
    faults = [
        *(f"check: {fault}" for fault in checked.faults((0, 1))),
        *(f"train --skip-broken: {fault}" for fault in trained.faults((0,))),
        *(f"train on what the check left: {fault}" for fault in after.faults((0,))),
        *(f"predict: {fault}" for fault in answered.faults((0, 1))),
        *_unanswered(answered, names),
    ]
    if left := place.left_over():
        faults.append(f"left behind: {left}")
    return faults


def _train(place: Place, name: str, *more: str) -> Finished:
    return place.run(
        "train", "linear", "folder:images", "--image-size", 16, "--epochs", 1, "--name", name, *more
    )


def _unanswered(answered: Finished, names: list[str]) -> list[str]:
    """Returns a line for each file that `predict` neither classified nor named."""
    found = {row["file"] for row in json.loads(answered.out)} if answered.code in (0, 1) else set()
    return [
        f"predict says nothing of {name}"
        for name in names
        if name not in found and f"{name}: " not in answered.err
    ]
