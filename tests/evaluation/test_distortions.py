"""Distortions of set strength: what they do to pixels, and that none does nothing."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from kerascnn.backend import tf
from kerascnn.evaluation.distortions import DISTORTIONS
from tests.data.pictures import picture

IMAGES = np.stack([picture(20, 30, seed=seed) for seed in range(6)])


def distorted(kind: str, strength: float, images: np.ndarray = IMAGES, first: int = 0):
    numbers = tf.range(first, first + len(images), dtype=tf.int64)
    found = DISTORTIONS[kind].apply(tf.constant(images), tf.constant(strength, tf.float32), numbers)
    assert found.dtype == tf.uint8
    return found.numpy()


@pytest.mark.parametrize(
    ("kind", "strength"),
    [("shift", 0), ("rotation", 0), ("scale", 1), ("brightness", 1), ("noise", 0), ("blur", 0),
     ("occlusion", 0)],
)  # fmt: skip
def test_no_strength_changes_nothing(kind: str, strength: float) -> None:
    np.testing.assert_array_equal(distorted(kind, strength), IMAGES)


@pytest.mark.parametrize("kind", DISTORTIONS)
@pytest.mark.parametrize("channels", [1, 3])
def test_more_strength_changes_more_and_each_image_alike_each_time(
    kind: str, channels: int
) -> None:
    images = np.stack([picture(60, 90, seed=seed)[..., :channels] for seed in range(6)])
    strengths = DISTORTIONS[kind].strengths
    apart = []
    for strength in strengths:
        found = distorted(kind, strength, images)
        assert found.shape == images.shape
        apart.append(np.abs(found.astype(float) - images).mean())
        np.testing.assert_array_equal(found[2:], distorted(kind, strength, images[2:], first=2))
    assert apart[0] > 0
    assert apart == sorted(apart)


def test_a_shift_goes_right_left_down_and_up_in_turn() -> None:
    found = distorted("shift", 0.1)  # 3 of 30 pixels, 2 of 20
    edge = [np.pad(image, ((2, 2), (3, 3), (0, 0)), mode="edge") for image in IMAGES]
    expected = [
        edge[0][2:22, 0:30], edge[1][2:22, 6:36], edge[2][0:20, 3:33], edge[3][4:24, 3:33],
        edge[4][2:22, 0:30], edge[5][2:22, 6:36],
    ]  # fmt: skip
    np.testing.assert_array_equal(found, expected)


def test_a_quarter_turn() -> None:
    square = IMAGES[:, :, 5:25]
    found = distorted("rotation", 90, square)
    for image, turned, times in zip(square, found, (1, -1) * 3, strict=True):
        np.testing.assert_allclose(turned.astype(int), np.rot90(image, times), atol=1)


def test_scale_is_larger_and_smaller_in_turn() -> None:
    wedge = np.full((2, 40, 40, 1), 20, np.uint8)
    wedge[:, 15:25, 15:25] = 220
    larger, smaller = (distorted("scale", 2, wedge) > 120).sum(axis=(1, 2, 3))
    assert larger == pytest.approx(400, abs=40)
    assert smaller == pytest.approx(25, abs=11)


def test_levels() -> None:
    brighter, darker = distorted("brightness", 2, IMAGES[:2])
    np.testing.assert_array_equal(brighter, np.minimum(IMAGES[0].astype(int) * 2, 255))
    np.testing.assert_array_equal(darker, (IMAGES[1] * 0.5 + 0.5).astype(np.uint8))
    grey = np.full((3, 50, 60, 3), 128, np.uint8)
    noisy = distorted("noise", 16, grey).astype(float) - 128
    assert noisy.std() == pytest.approx(16, rel=0.02)
    assert abs(noisy.mean()) < 0.3
    assert abs(np.corrcoef(noisy[0].ravel(), noisy[1].ravel())[0, 1]) < 0.05


def test_blur_is_scipys() -> None:
    square = IMAGES[:, :, 5:25, :1]
    found = distorted("blur", 0.1, square)  # 2 pixels
    for image, blurred in zip(square[..., 0].astype(float), found[..., 0], strict=True):
        inside, ones = (
            gaussian_filter(values, 2, mode="constant") for values in (image, np.ones_like(image))
        )
        np.testing.assert_allclose(blurred, inside / ones, atol=1)


def test_occlusion_hides_a_square_of_its_size_at_places_of_chance() -> None:
    black = np.zeros((3000, 20, 30, 3), np.uint8)
    found = distorted("occlusion", 0.3, black)
    hidden = (found == 128).all(-1)
    assert (hidden.sum(axis=(1, 2)) == 6 * 9).all()
    assert (hidden.any(axis=2).sum(axis=1) == 6).all()
    assert hidden.any(axis=0).all()
    assert len({image.tobytes() for image in hidden}) > 100
