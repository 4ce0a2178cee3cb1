"""The views of test images, against crops cut by hand."""

from __future__ import annotations

import numpy as np
import pytest

from kerascnn.augment.spec import AugmentSpec
from kerascnn.augment.views import NAMED, ViewSpec, shape_for_views, views
from kerascnn.backend import tf
from kerascnn.errors import UserError


def seen(images, name, shape):
    spec = ViewSpec(**NAMED[name])
    found = views(tf.constant(images), spec, shape)
    assert found.dtype == tf.uint8
    assert found.shape == (spec.count, len(images), *shape)
    return found.numpy()


def test_ten_crop_order(noise_images):
    images = noise_images(2, 256, 256, 3)
    found = seen(images, "ten-crop", (224, 224, 3))
    places = [(0, 0), (0, 32), (32, 0), (32, 32), (16, 16)]
    for view, (y, x) in zip(found[:5], places, strict=True):
        np.testing.assert_array_equal(view, images[:, y : y + 224, x : x + 224])
    np.testing.assert_array_equal(found[5:], found[:5, :, :, ::-1])


def test_none_is_the_image_itself(noise_images):
    images = noise_images(3, 32, 32, 3)
    np.testing.assert_array_equal(seen(images, "none", (32, 32, 3))[0], images)


def test_flips(noise_images):
    images = noise_images(3, 12, 20, 1)
    found = seen(images, "flips", (12, 20, 1))
    np.testing.assert_array_equal(found[0], images)
    np.testing.assert_array_equal(found[1], images[:, :, ::-1])


def test_center_crop_of_a_wide_photo(noise_images):
    images = noise_images(1, 256, 400, 3)
    found = seen(images, "center-crop", (224, 224, 3))
    np.testing.assert_array_equal(found[0], images[:, 16:240, 88:312])


@pytest.mark.parametrize("name", NAMED)
def test_images_of_the_models_size_are_enlarged(name):
    ramp = np.arange(0, 256, 8, dtype=np.uint8)
    images = np.broadcast_to(ramp[None, None, :, None], (2, 32, 32, 3)).copy()
    found = seen(images, name, (32, 32, 3))
    for view in found[:, 0, 16, :, 0].astype(float):
        slope = np.abs(np.diff(view)[4:-4]).mean()
        assert min(abs(slope - 8 / scale) for scale in ViewSpec(**NAMED[name]).scales) < 0.2


def test_views_of_the_largest_scale_are_plain_crops() -> None:
    for side in range(20, 300):
        for name in NAMED:
            spec = ViewSpec(**NAMED[name])
            larger = shape_for_views(spec, (side, side, 3))[0]
            assert round(larger / side * side / max(spec.scales)) == side
    assert shape_for_views(ViewSpec(**NAMED["ten-crop"]), (224, 224, 3)) == (256, 256, 3)


def test_shifts_reflect_the_edge_and_are_mirrored_too(noise_images):
    images = noise_images(2, 6, 7, 3)
    found = views(tf.constant(images), ViewSpec(shift=2, flip=True), (6, 7, 3)).numpy()
    assert len(found) == ViewSpec(shift=2, flip=True).count == 6
    padded = np.pad(images, ((0, 0), (2, 2), (2, 2), (0, 0)), "reflect")
    np.testing.assert_array_equal(found[0], images)
    np.testing.assert_array_equal(found[1], padded[:, 4:, 4:])  # up left
    np.testing.assert_array_equal(found[2], padded[:, :6, :7])  # down right
    np.testing.assert_array_equal(found[3:], found[:3, :, :, ::-1])


def test_a_shift_as_large_as_the_image_is_refused(noise_images):
    with pytest.raises(UserError, match=r"shift: got 8, must be less than the images' 8x9"):
        views(tf.constant(noise_images(1, 8, 9, 3)), ViewSpec(shift=8), (8, 9, 3))


def test_a_name_stands_for_its_fields_and_others_are_refused():
    assert AugmentSpec(test_time="ten-crop").test_time == ViewSpec(**NAMED["ten-crop"])
    with pytest.raises(UserError, match="unknown test-time augmentation 'ten-crops': did you mean"):
        AugmentSpec(test_time="ten-crops")
    with pytest.raises(UserError, match=r"^scales.0: got 0.5, should be greater than or equal to"):
        ViewSpec(scales=(0.5,))


@pytest.mark.parametrize(
    ("name", "count"), [("none", 1), ("center-crop", 1), ("flips", 2), ("ten-crop", 10)]
)
def test_number_of_views(name, count):
    assert ViewSpec(**NAMED[name]).count == count
    assert ViewSpec(**NAMED[name]).central.count == 1


def test_number_of_views_of_several_scales_and_shifts():
    spec = ViewSpec(crops="five", flip=True, shift=1, scales=(1.0, 2.0))
    assert spec.count == 5 * 2 * 3 * 2
    assert spec.central == ViewSpec(scales=(1.0,))
