"""Sound files are read by every decoder alike; damaged ones are told from them."""

from __future__ import annotations

import io
import zlib
from typing import Any

import numpy as np
import pytest
from PIL import Image, PngImagePlugin

from kerascnn.backend import tf
from kerascnn.data.images import UnreadableImageError, opened, orientation, upright_rgb
from kerascnn.data.structure import plain_png, sound_jpeg, sound_png
from tests.data.damage import KINDS, encoded, files

SOUND = {"JPEG": sound_jpeg, "PNG": sound_png}


@pytest.mark.parametrize("kind", SOUND)
@pytest.mark.parametrize("mode", ["L", "RGB"])
def test_what_encoders_write_is_sound(kind: str, mode: str) -> None:
    for options in KINDS[kind]:
        for size in ((1, 1), (40, 50)):
            content = encoded(kind, mode, size, **options)
            assert SOUND[kind](content), options
            assert SOUND[kind](content + b"what a camera adds")
            other = sound_png if kind == "JPEG" else sound_jpeg
            assert not other(content)


@pytest.mark.parametrize("kind", SOUND)
def test_what_is_cut_off_anywhere_is_not(kind: str) -> None:
    for options in KINDS[kind]:
        content = encoded(kind, "RGB", (16, 16), **options)
        assert not any(SOUND[kind](content[:length]) for length in range(len(content)))


def test_plain_pngs_and_their_sizes() -> None:
    pixels = np.zeros((5, 6, 3), np.uint8)
    grey = Image.fromarray(pixels[..., 0])
    for image, channels in ((Image.fromarray(pixels), 3), (grey, 1)):
        content = _png(image, dpi=(72, 72))
        assert plain_png(content) == (5, 6, channels)
        assert plain_png(content[:-1]) is None
    remarks = PngImagePlugin.PngInfo()
    remarks.add_text("Raw profile type exif", "may turn it")
    for options in ({"transparency": 0}, {"exif": b"Exif\0\0MM"}, {"pnginfo": remarks}):
        assert plain_png(_png(grey, **options)) is None
    for mode in ("1", "P", "LA", "RGBA", "I;16"):
        assert plain_png(_png(grey.convert(mode))) is None
    assert plain_png(b"") is None
    assert plain_png(encoded("JPEG", "RGB", (6, 5))) is None


def _png(image: Image.Image, **options: Any) -> bytes:
    content = io.BytesIO()
    image.save(content, "PNG", **options)
    return content.getvalue()


def test_a_png_is_sound_to_the_last_bit() -> None:
    content = encoded("PNG", "RGB", (6, 5))
    for place in range(8 * len(content)):
        changed = bytearray(content)
        changed[place // 8] ^= 1 << place % 8
        assert not sound_png(bytes(changed)), place


def _chunk(name: bytes, body: bytes = b"") -> bytes:
    return len(body).to_bytes(4) + name + body + zlib.crc32(name + body).to_bytes(4)


def test_chunks_that_no_png_has() -> None:
    whole = encoded("PNG", "RGB", (6, 5))
    start, end = whole[:33], whole[33:]  # after the header
    assert sound_png(start + _chunk(b"teXt", b"known to nobody") + end)
    for wrong in (
        start + _chunk(b"TEXt") + end,  # must be known
        start + _chunk(b"te t") + end,
        start + start[8:] + end,
        start + _chunk(b"teXt") * 1000 + end,
        start + _chunk(b"teXt", bytes(8_000_001)) + end,
        start + _chunk(b"IDAT") + _chunk(b"teXt") + end,  # in two places
        start + _chunk(b"IEND"),
        whole[:8] + end,
    ):
        assert not sound_png(wrong)
    wide = bytearray(whole)
    wide[16:20] = (1_000_001).to_bytes(4)
    wide[29:33] = zlib.crc32(wide[12:29]).to_bytes(4)
    assert not sound_png(bytes(wide))


def test_segments_that_decoders_take_differently() -> None:
    whole = encoded("JPEG", "RGB", (16, 16))
    assert sound_jpeg(whole[:2] + b"\xff\xff\xff" + whole[2:])  # filled up
    frame = whole.index(b"\xff\xc0")
    for marker in (0xC3, 0xC9, 0x01, 0x55):  # lossless, arithmetic codes, none that may stand here
        assert not sound_jpeg(whole[: frame + 1] + bytes([marker]) + whole[frame + 2 :])
    twelve_bits = bytearray(whole)
    twelve_bits[frame + 4] = 12
    assert not sound_jpeg(bytes(twelve_bits))
    assert not sound_jpeg(whole[:frame] + whole[frame:].replace(b"\xff\xda", b"\xff\xd9"))


def test_a_progressive_file_brings_every_coefficient() -> None:
    whole = encoded("JPEG", "RGB", (16, 16), progressive=True)
    scans = [place for place in range(len(whole)) if whole[place : place + 2] == b"\xff\xda"]
    assert len(scans) > 5
    assert sound_jpeg(whole)
    assert not sound_jpeg(whole[: scans[-1]] + b"\xff\xd9")


def _differing(number: int, seed: int) -> tuple[int, int]:
    """Returns how many files were sound and how many not; each sound one is tried."""
    seen = {True: 0, False: 0}
    for content in files(number, seed, ("JPEG", "PNG")):
        try:
            with opened(io.BytesIO(content)) as image:
                kind, upright = image.format or "", orientation(image) == 1
                plain = image.mode in ("L", "RGB") and not image.has_transparency_data
                pixels = upright_rgb(image)
        except UnreadableImageError:
            continue
        if not (plain and upright and kind in SOUND):
            continue
        sound = SOUND[kind](content)
        seen[sound] += 1
        if not sound:
            continue
        if kind == "PNG":
            found = tf.io.decode_png(content, channels=3)
        else:
            found = tf.io.decode_jpeg(content, channels=3, dct_method="INTEGER_ACCURATE")
            for ratio in (1, 2, 4, 8):
                tf.io.decode_and_crop_jpeg(content, [0, 0, 1, 1], channels=3, ratio=ratio)
        np.testing.assert_array_equal(found, pixels)
    return seen[True], seen[False]


def test_tensorflow_reads_every_sound_file_that_pillow_reads() -> None:
    sound, odd = _differing(1000, seed=0)
    assert sound > 100
    assert odd > 10


@pytest.mark.slow
def test_tensorflow_reads_every_sound_file_that_pillow_reads_many_times() -> None:
    sound, odd = _differing(60_000, seed=1)
    assert sound > 5000
    assert odd > 500
