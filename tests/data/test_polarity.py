"""Dark on light or light on dark: drawings of either kind, and photographs, which are of none."""

from __future__ import annotations

import numpy as np
import pytest

from kerascnn.data.digits import read
from kerascnn.data.polarity import ground, is_inverted


def _drawing(level: int, ink: int) -> np.ndarray:
    image = np.full((20, 20, 1), level, np.uint8)
    image[5:15, 8:12] = ink
    return image


def test_the_ground_is_what_the_edge_is() -> None:
    assert ground(_drawing(250, 10)) == 250
    assert ground(_drawing(3, 255)) == 3
    slope = np.repeat(np.arange(20, dtype=np.uint8)[None, :, None] * 12, 20, axis=0)
    assert ground(slope) is None
    assert ground(np.repeat(_drawing(250, 10), 3, axis=2)) == 250


@pytest.mark.parametrize(
    ("level", "ink", "expected"), [(255, 0, True), (0, 255, False), (120, 0, False)]
)
def test_a_drawing_is_inverted_where_its_ground_is_the_others_ink(
    level: int, ink: int, expected: bool
) -> None:
    digits, _ = read()
    assert is_inverted(_drawing(level, ink), list(digits[:50])) is expected


def test_among_drawings_of_both_kinds_nothing_is_inverted() -> None:
    both = [_drawing(0, 255)] * 6 + [_drawing(255, 0)] * 4
    assert not is_inverted(_drawing(255, 0), both)
    assert not is_inverted(_drawing(0, 255), both)


def test_among_photographs_nothing_is_inverted() -> None:
    noise = list(np.random.default_rng(0).integers(0, 256, (20, 16, 16, 3), dtype=np.uint8))
    assert not is_inverted(_drawing(255, 0), noise)
    assert not is_inverted(_drawing(255, 0), [])
