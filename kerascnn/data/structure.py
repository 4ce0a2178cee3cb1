"""Whether a JPEG or PNG file is sound in every part, so that any decoder reads it.

Decoders differ in what they make up for: where a file is cut off, or a part is damaged or unusual,
Pillow may go on where TensorFlow stops. A file that passes here leaves nothing to make up for, but
wrong codes among a JPEG's pixels, over which both go on alike.
"""

from __future__ import annotations

import re
import struct
import zlib

_PNG = b"\x89PNG\r\n\x1a\n"
_CHUNK_HEAD = struct.Struct(">I4s")  # bytes of what it holds, and its name
_CHUNK = 12  # bytes of a chunk that holds nothing
_PNG_PARTS = {b"IHDR", b"PLTE", b"IDAT", b"IEND"}  # all that may not be passed over
# What may stand in a PNG file that is shown as its pixels are: none of these turns or moves it, or
# makes parts of it transparent.
_PNG_PLAIN = {b"IHDR", b"IDAT", b"IEND", b"bKGD", b"cHRM", b"gAMA", b"pHYs", b"sRGB", b"tIME"}
_PNG_CHANNELS = {0: 1, 2: 3}  # of a colour type: grey and RGB
# Of libpng: the longest side in pixels, and beside the pixels the largest chunk in bytes and how
# many of them.
_LONGEST_SIDE = 1_000_000
_LARGEST_CHUNK = 8_000_000
_MOST_CHUNKS = 1000

_SOI, _EOI, _SOS = 0xD8, 0xD9, 0xDA
_PROGRESSIVE = 0xC2
_FRAMES = (0xC0, 0xC1, _PROGRESSIVE)  # baseline, extended and progressive, in Huffman codes
_TABLES = (0xC4, 0xDB, 0xDD)  # codes, quantization, restarts
_REMARKS = (*range(0xE0, 0xF0), 0xFE)
_COEFFICIENTS = 64  # of a block
# What ends the codes of a scan: neither a stuffed 0xFF nor a restart.
_SCAN_END = re.compile(rb"\xff[^\x00\xd0-\xd7]", re.DOTALL)


def sound_png(content: bytes) -> bool:
    """Whether every chunk of a PNG file is whole, in its place, and has its right checksum."""
    return bool(_png_chunks(content))


def plain_png(content: bytes) -> tuple[int, int, int] | None:
    """Returns (height, width, channels) of a sound PNG file of 8-bit grey or RGB that is opaque.

    None where it is anything else, or where its metadata would have to be looked at.
    """
    if content[24:25] != b"\x08" or content[25] not in _PNG_CHANNELS:
        return None
    names = _png_chunks(content)
    if not names or not _PNG_PLAIN.issuperset(names):
        return None
    height, width = (int.from_bytes(content[at : at + 4], "big") for at in (20, 16))
    return height, width, _PNG_CHANNELS[content[25]]


def _png_chunks(content: bytes) -> list[bytes]:
    """Returns the names of the chunks of a sound PNG file; none of another one."""
    if not content.startswith(_PNG):
        return []
    view, start, names, name = memoryview(content), len(_PNG), list[bytes](), b""
    while name != b"IEND":
        if start + _CHUNK > len(content):
            return []
        size, name = _CHUNK_HEAD.unpack_from(content, start)
        end = start + _CHUNK + size
        if end > len(content):
            return []
        if zlib.crc32(view[start + 4 : end - 4]) != int.from_bytes(view[end - 4 : end], "big"):
            return []
        may_be_passed_over = bool(name[0] & 0x20)
        if not name.isalpha() or not (name in _PNG_PARTS or may_be_passed_over):
            return []
        if name != b"IDAT" and size > _LARGEST_CHUNK:
            return []
        names.append(name)
        start = end
    pixels = [place for place, name in enumerate(names) if name == b"IDAT"]
    sound = (
        names[0] == b"IHDR"
        and names.count(b"IHDR") == 1
        and bool(pixels)
        and pixels[-1] - pixels[0] + 1 == len(pixels)
        and len(names) - len(pixels) < _MOST_CHUNKS
        and max(int.from_bytes(content[at : at + 4], "big") for at in (16, 20)) <= _LONGEST_SIDE
    )
    return names if sound else []


def sound_jpeg(content: bytes) -> bool:
    """Whether every segment of a JPEG file is whole and usual, from its first mark to its last.

    A progressive one must also bring every coefficient in full: what it lacks, decoders make up.
    """
    if content[:2] != bytes((0xFF, _SOI)):
        return False
    at, components, scans = 2, 0, 0
    progressive, lacking = False, set[tuple[int, int]]()
    while content[at : at + 1] == b"\xff":
        marker = content[at + 1] if at + 1 < len(content) else 0
        if marker == 0xFF:  # to fill up
            at += 1
            continue
        if marker == _EOI:
            return scans > 0 and not lacking
        size = int.from_bytes(content[at + 2 : at + 4], "big")
        body = content[at + 4 : at + 2 + size]
        if size < 2 or len(body) != size - 2:
            return False
        at += 2 + size
        if marker in _FRAMES:
            # Precision, height, width, number of components, three bytes for each.
            if components or len(body) not in (9, 15) or body[0] != 8:
                return False
            components = body[5]
            if len(body) != 6 + 3 * components:
                return False
            progressive = marker == _PROGRESSIVE
            if progressive:
                lacking = {(c, k) for c in body[6::3] for k in range(_COEFFICIENTS)}
        elif marker == _SOS:
            # Number of components, two bytes for each, first and last coefficient, precision.
            if not components or not body or len(body) != 4 + 2 * body[0]:
                return False
            scans += 1
            if progressive:
                brought = {(c, k) for c in body[1:-3:2] for k in range(body[-3], body[-2] + 1)}
                lacking = lacking | brought if body[-1] & 0xF else lacking - brought
            after = _SCAN_END.search(content, at)
            if after is None:
                return False
            at = after.start()
        elif marker not in (*_TABLES, *_REMARKS):
            return False
    return False
