from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from kerascnn.augment.mixing import beta
from kerascnn.backend import tf


@pytest.mark.parametrize("alpha", [0.2, 1.0, 8.0])
def test_shares_follow_the_beta_distribution(alpha):
    unit = tf.constant(np.random.default_rng(0).uniform(size=20_000), tf.float32)
    found = beta(unit, alpha).numpy()
    assert (
        stats.kstest(found, stats.beta(alpha, alpha).cdf).statistic < 0.02
    )  # shares within 3e-8 of 1 are 1 in float32


def examples(count, shape=(8, 10, 1)):
    """Images whose every pixel is 10 times their class, and their labels."""
    labels = np.arange(count) % 10
    return np.broadcast_to(labels[:, None, None, None] * 10, (count, *shape)).astype(
        np.uint8
    ), labels


def test_mixup_blends_pixels_and_labels_with_the_same_share(augment):
    images, labels = examples(500)
    mixed, soft = augment([{"name": "mixup", "alpha": 1.0}], images, labels)
    assert soft.dtype == np.float32
    np.testing.assert_allclose(soft.sum(axis=1), 1, atol=1e-6)
    # Pixels are linear in the class, so the mean class times ten is the pixel.
    np.testing.assert_allclose(soft @ np.arange(10) * 10, mixed[:, 0, 0, 0], atol=0.51)
    assert ((soft > 0).sum(axis=1) <= 2).all()
    own = soft[np.arange(500), labels]
    assert own.min() >= 0.5
    assert own.std() == pytest.approx(np.sqrt(1 / 48), rel=0.1)  # uniform above 1/2 for alpha 1
    np.testing.assert_allclose(own + soft[np.arange(500), np.roll(labels, 1)], 1, atol=1e-6)


def test_cutmix_pastes_a_rectangle_whose_area_is_the_labels_share(augment):
    images, labels = examples(500, (16, 20, 3))
    mixed, soft = augment([{"name": "cutmix"}], images, labels)
    np.testing.assert_allclose(soft.sum(axis=1), 1, atol=1e-6)
    pasted = (mixed != images).all(axis=-1)
    np.testing.assert_allclose(
        1 - pasted.mean(axis=(1, 2)), soft[np.arange(500), labels], atol=1e-5
    )
    assert (mixed == np.where(pasted[..., None], np.roll(images, 1, axis=0), images)).all()
    for mask in pasted[pasted.any(axis=(1, 2))]:
        assert mask.sum() == mask.any(0).sum() * mask.any(1).sum()  # one rectangle


@pytest.mark.parametrize("name", ["mixup", "cutmix"])
def test_labels_are_soft_whatever_the_draws(augment, noise_images, name):
    images, labels = noise_images(7, 6, 6, 3), np.arange(7)
    same, soft = augment([{"name": name, "probability": 0}], images, labels)
    np.testing.assert_array_equal(same, images)
    np.testing.assert_array_equal(soft, np.eye(10, dtype=np.float32)[labels])


def test_mixup_then_cutmix_keeps_the_mass(augment, noise_images):
    _, soft = augment(["mixup", "cutmix"], noise_images(30, 8, 8, 3), np.arange(30) % 10)
    np.testing.assert_allclose(soft.sum(axis=1), 1, atol=1e-6)


def test_labels_stay_whole_numbers_otherwise(augment, noise_images):
    _, labels = augment(["cutout"], noise_images(3, 16, 16, 3), np.array([4, 5, 6]))
    assert labels.dtype == np.int32
    np.testing.assert_array_equal(labels, [4, 5, 6])
