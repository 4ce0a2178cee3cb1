from __future__ import annotations

import colorsys

import numpy as np
import pytest
from PIL import Image, ImageEnhance

from kerascnn.augment.colour import LUMA, PCA_VALUES, PCA_VECTORS


@pytest.mark.parametrize(
    ("name", "enhancer"),
    [
        ("brightness", ImageEnhance.Brightness),
        ("contrast", ImageEnhance.Contrast),
        ("saturation", ImageEnhance.Color),
    ],
)
@pytest.mark.parametrize("factor", [0.3, 1.0, 1.7])
def test_factors_agree_with_pillow(augment, noise_images, name, enhancer, factor):
    images = noise_images(3, 12, 9, 3)
    changed = augment([{"name": name, "factor": [factor, factor]}], images)
    expected = np.stack([enhancer(Image.fromarray(image)).enhance(factor) for image in images])
    # Pillow rounds its grey to whole numbers and truncates.
    assert np.abs(changed.astype(int) - expected).max() <= 2


def test_hue_agrees_with_colorsys(augment, noise_images):
    images = noise_images(2, 5, 5, 3)
    turned = augment([{"name": "hue", "degrees": [40, 40]}], images)

    def turn(pixel):
        h, s, v = colorsys.rgb_to_hsv(*pixel / 255)
        return np.multiply(colorsys.hsv_to_rgb((h + 40 / 360) % 1, s, v), 255)

    expected = np.apply_along_axis(turn, -1, images)
    assert np.abs(turned - expected).max() <= 1


def test_lighting_adds_one_multiple_of_the_components_per_image(augment):
    images = np.full((4000, 2, 2, 3), 128, np.uint8)
    added = augment([{"name": "lighting", "std": 0.2}], images).astype(float) - 128
    assert (added == added[:, :1, :1]).all()
    vectors, values = np.array(PCA_VECTORS), np.array(PCA_VALUES)
    expected = vectors @ np.diag((0.2 * 255 * values) ** 2) @ vectors.T
    np.testing.assert_allclose(np.cov(added[:, 0, 0].T), expected, rtol=0.08, atol=0.2)


def test_grayscale_keeps_three_equal_channels(augment, noise_images):
    images = noise_images(2000, 2, 2, 3)
    changed = augment([{"name": "grayscale", "probability": 0.4}], images)
    grey = (changed == changed[..., :1]).all(axis=(1, 2, 3))
    assert grey.mean() == pytest.approx(0.4, abs=0.04)
    expected = images[grey] @ np.array(LUMA)
    assert np.abs(changed[grey][..., 0] - expected).max() <= 1
    np.testing.assert_array_equal(changed[~grey], images[~grey])


def test_noise_has_its_standard_deviation(augment):
    images = np.full((50, 16, 16, 3), 128, np.uint8)
    added = augment([{"name": "noise", "std": [10, 10]}], images).astype(float) - 128
    assert added.std() == pytest.approx(10, rel=0.02)
    assert added.mean() == pytest.approx(0, abs=0.2)


@pytest.mark.parametrize("name", ["brightness", "contrast", "hue", "noise", "lighting", "blur"])
def test_what_is_not_applied_leaves_pixels_alone(augment, noise_images, name):
    images = noise_images(4, 8, 8, 3)
    unchanged = augment([{"name": name, "probability": 0}], images).astype(int)
    assert np.abs(unchanged - images).max() == 0
