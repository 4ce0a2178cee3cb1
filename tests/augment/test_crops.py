"""Random crops: their size, their place, and what they show of the image."""

from __future__ import annotations

import numpy as np
import pytest

from kerascnn.augment.crops import RandomResizedCrop, ScaleCrop
from kerascnn.augment.draws import draws, position_keys
from kerascnn.backend import tf


def _windows(crop, height: float, width: float, shape: tuple[int, int, int], count: int = 2000):
    """Crops of so many images: y, x, height and width, each (count,)."""
    zero = tf.constant(0, tf.int64)
    keys = position_keys(zero, zero, tf.range(count, dtype=tf.int64))
    random = draws(keys, [crop.probability])[0]
    return (np.asarray(edge) for edge in crop.window(random, height, width, shape))


@pytest.mark.parametrize(
    "crop",
    [
        RandomResizedCrop(),
        RandomResizedCrop(area=(0.001, 1), aspect=(0.1, 10)),
        ScaleCrop(),
        ScaleCrop(short_side=(256, 512)),
        ScaleCrop(probability=0.5),
    ],
    ids=repr,
)
@pytest.mark.parametrize("size", [(375, 500), (500, 100), (32, 32)])
def test_crops_lie_within_the_image_and_reach_its_edges(crop, size: tuple[int, int]) -> None:
    height, width = size
    y, x, h, w = _windows(crop, float(height), float(width), (224, 224, 3))
    for start, length, side in ((y, h, height), (x, w, width)):
        assert (length > 0).all()
        assert start.min() >= 0
        assert (start + length).max() <= side * (1 + 1e-5)
        assert start.min() < 0.02 * side
        assert (start + length).max() > 0.98 * side


def test_area_and_aspect_are_uniform_where_the_crop_fits() -> None:
    crop = RandomResizedCrop(area=(0.1, 0.5), aspect=(3 / 4, 4 / 3))
    _, _, h, w = _windows(crop, 1000.0, 1000.0, (224, 224, 3))
    area, ratio = h * w / 1e6, np.log(w / h)
    assert (area.min(), area.max()) == pytest.approx((0.1, 0.5), abs=2e-3)
    assert (ratio.min(), ratio.max()) == pytest.approx((-np.log(4 / 3), np.log(4 / 3)), abs=2e-3)
    for values in (area, ratio):
        quarters = np.histogram(values, 4)[0]
        assert np.abs(quarters - 500).max() < 100
    assert abs(np.corrcoef(area, ratio)[0, 1]) < 0.1


def test_the_short_side_decides_how_much_a_scale_crop_shows() -> None:
    _, _, h, w = _windows(ScaleCrop(), 375.0, 500.0, (224, 224, 3))
    np.testing.assert_allclose([h, w], 375 * 224 / 256, rtol=1e-5)
    _, _, h, _ = _windows(ScaleCrop(short_side=(256, 512)), 375.0, 500.0, (224, 224, 3))
    assert (h.min(), h.max()) == pytest.approx((375 * 224 / 512, 375 * 224 / 256), rel=0.01)
    assert np.mean(224 / h * 375) == pytest.approx((256 + 512) / 2, rel=0.02)  # uniform in scale


def test_a_scale_crop_has_the_models_aspect() -> None:
    _, _, h, w = _windows(ScaleCrop(), 375.0, 500.0, (112, 224, 3))
    np.testing.assert_allclose(w, 2 * h, rtol=1e-5)
    np.testing.assert_allclose(w, 500 * 224 / 256, rtol=1e-5)


def test_where_it_does_not_apply_the_largest_central_crop_is_shown() -> None:
    for crop in (RandomResizedCrop(probability=0), ScaleCrop(probability=0)):
        edges = _windows(crop, 300.0, 500.0, (100, 100, 3), count=5)
        for found, expected in zip(edges, (0, 100, 300, 300), strict=True):
            np.testing.assert_allclose(found, expected, atol=1e-3)


def test_resized_crops_have_the_area_and_aspect_asked_for(augment):
    rows, columns = np.mgrid[0:100, 0:100]
    ramp = np.stack([rows, columns, rows], axis=-1).astype(np.uint8)[None].repeat(300, 0)
    cropped = augment(["random-resized-crop"], ramp, fill="nearest").astype(float)
    # The slope of a ramp tells how much was cut: full height means one value per pixel.
    h = (cropped[:, 90, 50, 0] - cropped[:, 10, 50, 0]) / 80
    w = (cropped[:, 50, 90, 1] - cropped[:, 50, 10, 1]) / 80
    assert (h * w).min() > 0.06
    assert (h * w).max() <= 1.02
    assert (h * w).mean() == pytest.approx(0.54, abs=0.05)
    inner = (h < 0.95) & (w < 0.95) & (h * w > 0.2)
    assert (w / h)[inner].min() > 0.7
    assert (w / h)[inner].max() < 1.4


def test_scale_crop_cuts_seven_eighths_for_alexnet(augment):
    columns = np.broadcast_to(np.arange(64, dtype=np.uint8)[None, None, :, None], (50, 64, 64, 1))
    cropped = augment(["scale-crop"], np.ascontiguousarray(columns * 4)).astype(float)
    slope = (cropped[:, 32, 56, 0] - cropped[:, 32, 8, 0]) / 48 / 4
    np.testing.assert_allclose(slope, 224 / 256, atol=0.02)
    starts = cropped[:, 32, 0, 0] / 4
    assert starts.min() < 2
    assert 6 < starts.max() <= 8


def test_a_crop_that_is_not_applied_is_the_whole(augment, noise_images):
    images = noise_images(8, 16, 16, 3)
    for name in ("random-resized-crop", "scale-crop"):
        np.testing.assert_array_equal(augment([{"name": name, "probability": 0}], images), images)
