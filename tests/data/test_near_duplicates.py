"""Perceptual hashes: copies are near, other images are not."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from kerascnn.data.near_duplicates import FLAT, NEAR, near_pairs, perceptual_hash
from kerascnn.text import tell
from tests.data.pictures import picture


def _stored(image: Image.Image, format: str, **options) -> Image.Image:
    content = io.BytesIO()
    image.save(content, format, **options)
    return Image.open(content)


COPIES = {
    "grey": lambda image: image.convert("L"),
    "WEBP, quality 60": lambda image: _stored(image, "WEBP", quality=60),
    "JPEG, quality 30": lambda image: _stored(image, "JPEG", quality=30),
    "at half the size": lambda image: image.reduce(2),
    "64 pixels wide": lambda image: image.resize((64, 64 * image.height // image.width)),
    "stretched": lambda image: image.resize((224, 224)),
    "a fifth brighter": lambda image: image.point(lambda level: min(255, level * 1.2)),
    "2.5% cut off each edge": lambda image: image.crop(
        (image.width // 40, image.height // 40, image.width * 39 // 40, image.height * 39 // 40)
    ),
}


def _hash(image: Image.Image) -> str:
    return perceptual_hash(np.asarray(image.convert("RGB")))


@pytest.mark.realdata
def test_copies_of_photos_are_near_and_no_others(test_data: Path) -> None:
    photos = []
    for path in sorted((test_data / "photos").rglob("*.*")):
        with Image.open(path) as image:
            image.draft("RGB", (320, 320))
            image.thumbnail((320, 320))
            photos.append(image.convert("RGB"))
    hashes = [_hash(photo) for photo in photos]
    count = len(photos)
    for what, copied in COPIES.items():
        pairs = near_pairs(hashes + [_hash(copied(photo)) for photo in photos])
        assert pairs is not None
        right = pairs[:, 0] + count == pairs[:, 1]
        recall, precision = right.sum() / count, right.mean()
        tell(
            f"{count} photos, {what}: recall {recall:.1%}, precision {precision:.1%}, "
            f"bits {pairs[right, 2].mean():.1f} on average, {pairs[right, 2].max()} at most"
        )
        assert precision == 1
        assert recall > (0.9 if "cut" in what else 0.98 if "brighter" in what else 0.999)
    apart = near_pairs(hashes, distance=16)
    assert apart is not None
    tell(f"the closest two photos differ in {apart[0, 2] if len(apart) else 'more than 16'} bits")
    assert not len(apart) or apart[0, 2] > NEAR + 4


def test_pairs_are_those_of_a_plain_count() -> None:
    random = np.random.default_rng(0)
    bits = random.integers(0, 2, (700, 64)).astype(bool)
    for copy in range(300):  # of 400 images, some flipped bits each
        bits[400 + copy] = bits[random.integers(400)]
        bits[400 + copy, random.integers(64, size=random.integers(14))] ^= True
    hashes = [f"{int(''.join('01'[bit] for bit in row), 2):016x}" for row in bits.astype(int)]
    hashes[3] = hashes[5] = FLAT
    for distance in (0, 3, 8):
        found = near_pairs(hashes, distance)
        assert found is not None
        apart = (bits[:, None] != bits[None]).sum(axis=-1)
        apart[[3, 5]] = apart[:, [3, 5]] = 99
        expected = np.argwhere(np.triu(apart <= distance, k=1))
        assert sorted(map(tuple, found[:, :2])) == sorted(map(tuple, expected))
        assert (apart[found[:, 0], found[:, 1]] == found[:, 2]).all()
        assert (np.diff(found[:, 2]) >= 0).all()


def test_none_one_and_too_many() -> None:
    for hashes in ([], ["1" * 16], [FLAT] * 50):
        pairs = near_pairs(hashes)
        assert pairs is not None
        assert pairs.shape == (0, 3)
    assert near_pairs(["1" * 16] * 100) is None  # 4,950 pairs


def test_flat_images_have_no_hash() -> None:
    assert perceptual_hash(np.full((40, 50, 3), 90, np.uint8)) == FLAT
    plain = picture(40, 50)
    assert perceptual_hash(plain) != FLAT
    assert len(perceptual_hash(plain)) == 16
    assert perceptual_hash(plain) == perceptual_hash(plain.repeat(2, 0).repeat(2, 1))
