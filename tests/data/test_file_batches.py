"""Files in bulk: the same pixels as one by one, and errors that stop nothing."""

from __future__ import annotations

import os
import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from kerascnn.data import file_batches
from kerascnn.data.file_batches import read_batches
from kerascnn.data.images import UnreadableImageError, decode, resize
from tests.data.pictures import picture

RGB = picture(20, 30)
GREY = RGB[..., 0]


def _turned() -> Image.Exif:
    exif = Image.Exif()
    exif[0x0112] = 6
    return exif


KINDS: dict[str, tuple[np.ndarray, dict[str, Any]]] = {
    "rgb.png": (RGB, {}),
    "grey.png": (GREY, {}),
    "fits.png": (picture(12, 16), {}),
    "fits-grey.png": (picture(12, 16)[..., 1], {}),
    "dots.png": (RGB, {"dpi": (72, 72)}),
    "turned.png": (RGB, {"exif": _turned()}),
    "see-through.png": (GREY, {"transparency": int(GREY[0, 0])}),
    "clear.png": (np.dstack([RGB, GREY]), {}),
    "sixteen.png": (GREY.astype(np.uint16) * 257, {}),
    "a.jpg": (RGB, {}),
    "grey.jpg": (GREY, {}),
    "fits.jpg": (picture(12, 16), {"quality": 95}),
    "turned.jpg": (RGB, {"exif": _turned()}),
    "progressive.jpg": (RGB, {"progressive": True}),
    "a.bmp": (RGB, {}),
    "a.gif": (GREY, {}),
    "a.webp": (RGB, {}),
}


@pytest.fixture
def kinds(tmp_path: Path) -> list[Path]:
    """Files of many kinds."""
    for name, (pixels, options) in KINDS.items():
        Image.fromarray(pixels).save(tmp_path / name, **options)
    Image.fromarray(RGB).quantize(16).save(tmp_path / "palette.png")
    Image.fromarray(RGB).convert("CMYK").save(tmp_path / "cmyk.jpg")
    return sorted(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("shape", "mode"), [((12, 16, 3), "crop"), ((12, 16, 1), "pad"), ((31, 17, 1), "stretch")]
)
def test_a_file_gives_the_pixels_that_it_gives_alone(kinds, shape, mode) -> None:
    (batch,) = read_batches(kinds, shape, mode, batch_size=64)
    assert not batch.errors
    for path, pixels in zip(kinds, batch.images, strict=True):
        np.testing.assert_array_equal(pixels, resize(decode(path), shape, mode), path.name)


@pytest.mark.parametrize("small", [2**20, 300, 0])
def test_large_files_are_decoded_alone(kinds, small, monkeypatch) -> None:
    monkeypatch.setattr(file_batches, "_SMALL", small)
    monkeypatch.setattr(file_batches, "_TOGETHER", 1000)
    found = [*read_batches(kinds, (8, 8, 3), "crop", batch_size=4)]
    assert [path for batch in found for path in batch.paths] == kinds
    assert [len(batch.images) for batch in found] == [4, 4, 4, 4, 3]
    expected = np.stack([resize(decode(path), (8, 8, 3)) for path in kinds])
    np.testing.assert_array_equal(np.concatenate([one.images for one in found]), expected)


def _png(width: int, height: int, pixels: bytes) -> bytes:
    """A grey PNG file of right checksums, whatever is in it."""

    def chunk(name: bytes, body: bytes) -> bytes:
        return (
            struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))
        )

    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")
    )


def test_what_cannot_be_read_is_named_and_stops_nothing(tmp_path: Path) -> None:
    whole = tmp_path / "whole.png"
    Image.fromarray(GREY).save(whole)
    contents = {
        "cut.png": whole.read_bytes()[:-40],
        "empty.png": b"",
        "text.png": b"no image",
        "rubbish.png": _png(30, 20, b"no pixels"),  # sound but for what is compressed
        "bomb.png": _png(30_000, 30_000, zlib.compress(b"")),
    }
    for name, content in contents.items():
        (tmp_path / name).write_bytes(content)
    # Pillow reads what there is of the pixels, TensorFlow nothing.
    (tmp_path / "few.png").write_bytes(_png(30, 20, zlib.compress(bytes(31 * 3))))
    os.mkfifo(tmp_path / "pipe.png")
    files = [*sorted(tmp_path.iterdir()), tmp_path / "gone.png", whole]
    found = list(read_batches(files, (20, 30, 1), "crop", batch_size=3))
    errors: dict[str, str] = {}
    for batch in found:
        errors |= {batch.paths[place].name: text for place, text in batch.errors.items()}
        assert len(batch.images) + len(batch.errors) == len(batch.paths)
    assert errors.keys() == {*contents, "pipe.png", "gone.png"}
    for name, text in errors.items():
        with pytest.raises(UnreadableImageError) as alone:
            decode(tmp_path / name)
        assert text == str(alone.value)
    images = np.concatenate([batch.images for batch in found])
    expected = np.stack([np.zeros_like(GREY), GREY, GREY])[..., None]
    np.testing.assert_array_equal(images, expected)


def test_many_files_keep_their_order_and_may_be_left(tmp_path: Path) -> None:
    files = [tmp_path / f"{number:03}.png" for number in range(200)]
    for number, file in enumerate(files):
        Image.new("L", (4, 4), number).save(file)
    found = [*read_batches(files, (4, 4, 1), "crop", batch_size=6)]
    assert np.concatenate([one.images for one in found])[:, 0, 0, 0].tolist() == [*range(200)]
    stream = read_batches(files, (4, 4, 1), "crop", batch_size=6)
    assert next(stream).images[:, 0, 0, 0].tolist() == [*range(6)]
    stream.close()  # type: ignore[attr-defined]
    assert not [*read_batches([], (4, 4, 1), "crop", batch_size=6)]
