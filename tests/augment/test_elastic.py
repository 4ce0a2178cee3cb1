from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from kerascnn.augment import elastic
from kerascnn.augment.spec import AugmentSpec
from kerascnn.backend import tf


@pytest.mark.parametrize("sigma", [0.7, 4.0, 9.0])
def test_the_displacement_is_scipys_gaussian_filter(sigma):
    field = np.random.default_rng(0).uniform(-1, 1, (3, 28, 20)).astype(np.float32)
    found = elastic.displacement(tf.constant(field), sigma).numpy()
    expected = [ndimage.gaussian_filter(one, sigma, mode="constant") for one in field]
    np.testing.assert_allclose(found, expected, atol=1e-5)


@pytest.mark.parametrize(
    ("fill", "mode"),
    [
        ("constant", "grid-constant"),
        ("nearest", "nearest"),
        ("reflect", "reflect"),
        ("wrap", "grid-wrap"),
    ],
)
@pytest.mark.parametrize("interpolation", ["bilinear", "nearest"])
def test_sampling_is_scipys_map_coordinates(noise_images, fill, mode, interpolation):
    images = noise_images(2, 14, 17, 3)
    random = np.random.default_rng(1)
    rows = random.uniform(-6, 20, (2, 14, 17)).astype(np.float32)
    columns = random.uniform(-6, 23, (2, 14, 17)).astype(np.float32)
    spec = AugmentSpec(fill=fill, fill_value=50, interpolation=interpolation)
    found = elastic.sample(tf.constant(images), tf.constant(rows), tf.constant(columns), spec)
    for image, y, x, sampled in zip(images, rows, columns, found.numpy(), strict=True):
        for channel in range(3):
            expected = ndimage.map_coordinates(
                image[..., channel].astype(float),
                [y, x],
                order=1 if interpolation == "bilinear" else 0,
                mode=mode,
                cval=50,
            )
            assert np.abs(sampled[..., channel] - expected).max() <= 0.51


def test_elastic_distortion_is_simards(augment):
    """A ramp shows the displacement itself: alpha times a smoothed uniform field."""
    ramp = np.broadcast_to(
        np.arange(0, 256, 8, dtype=np.uint8)[None, None, :, None], (64, 32, 32, 1)
    )
    moved = augment([{"name": "elastic", "alpha": [34, 34], "sigma": 4}], np.array(ramp))
    shift = (moved.astype(float) - ramp)[:, 8:24, 8:24, 0] / 8
    field = np.random.default_rng(0).uniform(-1, 1, (64, 32, 32))
    expected = 34 * np.stack([ndimage.gaussian_filter(one, 4) for one in field])[:, 8:24, 8:24]
    assert shift.std() == pytest.approx(expected.std(), rel=0.15)
    assert np.abs(np.diff(shift, axis=1)).max() < 1.5  # smooth


def test_alpha_zero_changes_nothing(augment, noise_images):
    images = noise_images(3, 12, 12, 1)
    still = augment([{"name": "elastic", "alpha": [0, 0]}], images)
    np.testing.assert_array_equal(still, images)


@pytest.mark.parametrize("channels", [1, 3])
def test_blur_is_a_gaussian_filter_that_ignores_what_lies_outside(augment, noise_images, channels):
    images = noise_images(3, 20, 15, channels)
    blurred = augment([{"name": "blur", "sigma": [1.5, 1.5]}], images)

    def smooth(image):
        return ndimage.gaussian_filter(image.astype(float), (1.5, 1.5, 0), mode="constant")

    inside = smooth(np.ones((20, 15, channels)))
    expected = np.stack([smooth(image) / inside for image in images])
    assert np.abs(blurred - expected).max() <= 0.51
