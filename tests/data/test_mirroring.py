"""Whether images may be mirrored: from names, and from images whose side tells the class."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.datasets import load_digits

from kerascnn.data.mirroring import judge_mirroring


def _arrows(count: int, side: int = 24) -> tuple[list[np.ndarray], np.ndarray]:
    """Noisy images with a bright half; which half is the class."""
    draws = np.random.default_rng(0)
    labels = np.arange(count) % 2
    images = []
    for label in labels:
        image = draws.integers(0, 200, (side, side, 3))
        half = slice(0, side // 2) if label else slice(side // 2, side)
        image[:, half] += 50
        images.append(image.astype(np.uint8))
    return images, labels


def test_a_thing_whose_side_is_its_class_is_not_mirrored() -> None:
    found = judge_mirroring(*_arrows(60), ("east", "west"))
    assert not found.survives
    assert "loses" in found.why


@pytest.mark.parametrize("turn", [0, 1])
def test_what_is_bright_above_or_below_may_be(turn: int) -> None:
    images, labels = _arrows(60)
    turned = [np.rot90(image) for image in images]
    assert judge_mirroring(turned, labels, ("sky", "ground")).survives


def test_digits_do_not_survive_whatever_they_are_called() -> None:
    digits = load_digits()
    images = [(image * 15).astype(np.uint8)[..., None] for image in digits.images[:600]]
    names = tuple(f"number {n}" for n in range(10))
    found = judge_mirroring(images, digits.target[:600], names)
    assert not found.survives
    assert "linear classifier" in found.why


@pytest.mark.parametrize(
    ("classes", "why"),
    [
        (("b", "d"), "letters"),
        (("turn left", "ahead"), "'turn left' names a side"),
        (("LEFT_HAND", "other"), "names a side"),
    ],
)
def test_names_tell_where_there_is_too_little_to_learn_from(
    classes: tuple[str, ...], why: str
) -> None:
    images = [np.full((8, 8, 1), value, np.uint8) for value in (0, 255)]
    found = judge_mirroring(images, np.array([0, 1]), classes)
    assert not found.survives
    assert why in found.why


def test_a_name_that_only_holds_the_word_says_nothing() -> None:
    images = [np.full((8, 8, 1), value, np.uint8) for value in (0, 255)]
    found = judge_mirroring(images, np.array([0, 1]), ("bright", "cleft"))
    assert found.survives
    assert "nothing tells" in found.why


def test_without_images_only_names_count() -> None:
    nothing = np.empty(0, np.int64)
    assert judge_mirroring([], nothing, ("cat", "dog")).survives
    assert not judge_mirroring([], nothing, ("cat, left side", "dog")).survives


def test_chance_alone_does_not_forbid_it() -> None:
    """Images of noise: of many such sets hardly any may be called one-sided."""
    draws = np.random.default_rng(1)
    forbidden = 0
    for _ in range(40):
        images = list(draws.integers(0, 256, (40, 8, 8, 3), dtype=np.uint8))
        found = judge_mirroring(images, np.arange(40) % 2, ("cat", "dog"))
        forbidden += not found.survives
    assert forbidden <= 3
