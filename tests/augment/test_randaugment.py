from __future__ import annotations

import numpy as np
import pytest
from PIL import Image, ImageEnhance, ImageOps
from scipy import ndimage

from kerascnn.augment import randaugment
from kerascnn.backend import tf

MAGNITUDE = 15.0
FACTOR = 1.45


def looked_up(images, name):
    count = len(images)
    table = randaugment.tables(
        tf.constant(images),
        tf.fill([count], randaugment.NAMES.index(name)),
        tf.fill([count], FACTOR),
        MAGNITUDE,
    )
    return randaugment.look_up(tf.constant(images), table).numpy().astype(int)


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize(
    ("name", "reference", "most"),
    [
        ("identity", lambda image: image, 0),
        ("brightness", lambda image: ImageEnhance.Brightness(image).enhance(FACTOR), 1),
        ("contrast", lambda image: ImageEnhance.Contrast(image).enhance(FACTOR), 1),
        ("posterize", lambda image: ImageOps.posterize(image, 6), 0),
        ("solarize", lambda image: ImageOps.solarize(image, 128), 0),
        ("autocontrast", ImageOps.autocontrast, 1),
        ("equalize", ImageOps.equalize, 0),
    ],
)
def test_tables_agree_with_pillow(name, reference, most, channels):
    random = np.random.default_rng(0)
    images = random.normal(120, 20, (4, 40, 30, channels)).clip(30, 220).astype(np.uint8)
    images[3] = 60  # one value only
    found = looked_up(images, name)
    for image, changed in zip(images, found, strict=True):
        expected = np.asarray(reference(Image.fromarray(image if channels == 3 else image[..., 0])))
        assert np.abs(changed - expected.reshape(image.shape)).max() <= most


@pytest.mark.parametrize("factor", [0.4, 1.6])
def test_sharpness_agrees_with_pillow(noise_images, factor):
    images = noise_images(3, 12, 14, 3)
    found = randaugment.sharpness(tf.constant(images, tf.float32), tf.fill([3], factor)).numpy()
    for image, changed in zip(images, found, strict=True):
        expected = np.asarray(ImageEnhance.Sharpness(Image.fromarray(image)).enhance(factor))
        assert np.abs(changed - expected).max() <= 1.5


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("shear-x", [[1, 0.15, 0], [0, 1, 0]]),
        ("shear-y", [[1, 0, 0], [-0.15, 1, 0]]),
        ("translate-x", [[1, 0, -0.5 * 150 / 331 * 40], [0, 1, 0]]),
        ("translate-y", [[1, 0, 0], [0, 1, -0.5 * 150 / 331 * 30]]),
        ("rotate", [[0.9659258, -0.258819, 0], [0.258819, 0.9659258, 0]]),
        ("equalize", [[1, 0, 0], [0, 1, 0]]),
    ],
)
def test_geometric_operations_have_their_magnitude(name, expected):
    chosen = tf.constant([randaugment.NAMES.index(name)])
    found = randaugment.maps(chosen, tf.constant([1.0]), MAGNITUDE, 30, 40).numpy()[0, :2]
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_each_image_gets_its_own_operations(augment):
    smooth = ndimage.gaussian_filter(np.random.default_rng(0).uniform(size=(16, 16, 3)), (3, 3, 0))
    image = (255 * (smooth - smooth.min()) / np.ptp(smooth) * 0.7 + 20).astype(np.uint8)
    images = np.broadcast_to(image, (700, 16, 16, 3)).copy()
    changed = augment([{"name": "randaugment", "count": 1, "magnitude": 20}], images)
    kinds = {one.tobytes() for one in changed}
    # 9 operations have two signs, identity, posterize, solarize, autocontrast and equalize one.
    assert 20 <= len(kinds) <= 23
    same = (changed == image).all(axis=(1, 2, 3)).mean()
    assert same == pytest.approx(1 / 14, abs=0.035)


def test_grey_images_are_taken_too(augment, noise_images):
    assert augment(["randaugment"], noise_images(9, 12, 12, 1)).shape == (9, 12, 12, 1)


def test_probability_zero_changes_nothing(augment, noise_images):
    images = noise_images(9, 12, 12, 3)
    same = augment([{"name": "randaugment", "probability": 0}], images)
    np.testing.assert_array_equal(same, images)
