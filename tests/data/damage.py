"""Image files of every kind, and what becomes of them on bad disks and bad lines."""

from __future__ import annotations

import io
import random
from collections.abc import Iterator

from PIL import Image

from tests.data.pictures import picture

# Format -> ways to write it.
KINDS: dict[str, list[dict[str, object]]] = {
    "JPEG": [
        {},
        {"progressive": True},
        {"progressive": True, "subsampling": 0, "optimize": True},
        {"restart_marker_blocks": 2},
        {"quality": 20, "comment": b"made by hand"},
    ],
    "PNG": [{}, {"compress_level": 0}],
    "GIF": [{}],
    "BMP": [{}],
    "TIFF": [{}, {"compression": "tiff_lzw"}, {"compression": "jpeg"}],
    "WEBP": [{}, {"lossless": True}],
    "PPM": [{}],
    "TGA": [{}, {"compression": "tga_rle"}],
}
_MODES = {"JPEG": ("RGB", "L", "CMYK"), "PNG": ("RGB", "L", "P", "RGBA", "1", "I;16")}
_MARKERS = (0xD9, 0xD0, 0xDA, 0xC4, 0xC0, 0xC2, 0xC9, 0xDD, 0xE1, 0xFE, 0x01, 0x00, 0xFF)


def encoded(kind: str, mode: str, size: tuple[int, int], **options: object) -> bytes:
    """Returns a whole image file."""
    image = Image.fromarray(picture(*size))
    image = image.convert("L").convert("I;16") if mode == "I;16" else image.convert(mode)
    content = io.BytesIO()
    image.save(content, kind, **options)
    return content.getvalue()


def damaged(content: bytes, chance: random.Random) -> bytes:
    """Returns a file with one or a few places changed, cut out, doubled or cut off."""
    found = bytearray(content)
    for _ in range(chance.choice((1, 1, 1, 2, 5))):
        at = chance.randrange(max(len(found), 1))
        near = min(at, chance.randrange(600))  # of the head, more often
        length = chance.choice((1, 2, 10, 300))
        match chance.randrange(9):
            case 0:
                del found[at:]
            case 1:
                del found[-chance.randrange(1, 20) :]
            case 2:
                del found[at : at + length]
            case 3:
                found[at:at] = chance.randbytes(length)
            case 4:
                found[at : at + length] = bytes(len(found[at : at + length]))
            case 5:
                found[at : at + 2] = bytes((0xFF, chance.choice(_MARKERS)))
            case 6:
                found[at:at] = found[at : at + length]
            case 7 | 8 if found:
                place = near if chance.random() < 0.5 else at
                found[place] ^= 1 << chance.randrange(8)
    return bytes(found)


def files(number: int, seed: int, kinds: tuple[str, ...] = tuple(KINDS)) -> Iterator[bytes]:
    """Yields files of all kinds and modes, one in ten of them whole."""
    chance = random.Random(seed)
    for _ in range(number):
        kind = chance.choice(kinds)
        mode = chance.choice(_MODES.get(kind, ("RGB",)))
        size = chance.choice((1, 8, 33)), chance.choice((5, 16, 40))
        content = encoded(kind, mode, size, **chance.choice(KINDS[kind]))
        yield content if chance.random() < 0.1 else damaged(content, chance)
