"""Images that show nearly the same, told by perceptual hashes.

The hash of an image has a bit for each of the 64 lowest frequencies of its luma, shrunk to 32x32:
whether the cosine transform is above its median there (Zauner 2010, section 3.2.1; ImageHash's
phash). Other colours, sizes, formats and compression change few bits; mirroring, turning and larger
crops change half of them, as another image does.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

# Bits that differ. Of 199 photographs, copies in grey, at half and at 64 pixels' width, stretched,
# as WEBP and as JPEG of quality 30 differ in at most 4, those made a fifth brighter or without 2.5%
# at each edge mostly in at most 8; no two photographs differ in less than 16.
NEAR = 8

FLAT = "0" * 16  # in place of the hash of an image in which there is nothing to see
_SIDE = 32
_LEAST = 2.0  # standard deviation of the shrunk luma, in levels of 256
_AT_ONCE = 2**16  # pairs: they stay in the processor's cache
# Pairs of which there are more than so many times the images tell nothing: digits, say, are so
# much alike.
_TOO_MANY = 10


def perceptual_hash(pixels: np.ndarray) -> str:
    """Returns the hash of an image, 16 hexadecimal digits; FLAT where it is all of one level.

    Args:
        pixels: uint8 (H, W, 3).
    """
    from imagehash import phash
    from PIL import Image

    luma = Image.fromarray(pixels).convert("L")
    small = luma.resize((_SIDE, _SIDE), Image.Resampling.LANCZOS)
    return FLAT if np.asarray(small).std() < _LEAST else str(phash(small))


def near_pairs(hashes: Sequence[str], distance: int = NEAR) -> np.ndarray | None:
    """Finds the pairs of hashes that differ in few bits.

    All pairs are compared: about a second for 30,000 images, a quarter of an hour for a million.

    Args:
        hashes: From `perceptual_hash`; FLAT ones are in no pair.
        distance: The bits that may differ.

    Returns:
        First, second, and bits that differ, int64 (pairs, 3), the closest first; first < second.
        None where nearly everything is near.
    """
    numbers = np.flatnonzero(np.array([value != FLAT for value in hashes], bool))
    bits = np.array([int(hashes[i], 16) for i in numbers.tolist()], np.uint64)
    count = len(bits)
    found: list[np.ndarray] = []
    total = 0
    start = 0
    while start < count - 1:
        stop = min(count, start + max(1, _AT_ONCE // (count - start)))
        differ = np.bitwise_count(bits[start:stop, None] ^ bits[None, start + 1 :])
        rows, columns = np.divmod(np.flatnonzero(differ <= distance), differ.shape[1])
        later = columns >= rows  # the columns begin one further
        rows, columns = rows[later], columns[later]
        apart = differ[rows, columns].astype(np.int64)
        pairs = np.stack([numbers[start + rows], numbers[start + 1 + columns], apart], axis=1)
        total += len(pairs)
        if total > max(1000, _TOO_MANY * count):
            return None
        found.append(pairs)
        start = stop
    together = np.concatenate(found) if found else np.empty((0, 3), np.int64)
    return together[np.argsort(together[:, 2], kind="stable")]
