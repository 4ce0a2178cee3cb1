from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from kerascnn.augment import geometry
from kerascnn.augment.spec import AugmentSpec
from kerascnn.backend import tf

SIZE = 33  # odd: the centre is a pixel


def dot(row, column, size=SIZE):
    image = np.zeros((1, size, size, 1), np.uint8)
    image[0, row, column] = 255
    return image


def where(images):
    """The brightest pixel's (row, column)."""
    return tuple(int(i) for i in np.unravel_index(images[0, ..., 0].argmax(), images.shape[1:3]))


@pytest.mark.parametrize(
    ("operation", "expected"),
    [
        ({"name": "rotation", "degrees": [90, 90]}, (10, 6)),  # counter-clockwise
        ({"name": "rotation", "degrees": [180, 180]}, (26, 10)),
        ({"name": "shift", "horizontal": [4 / 33, 4 / 33], "vertical": [0, 0]}, (6, 26)),
        ({"name": "shift", "horizontal": [-4 / 33, -4 / 33], "vertical": [0, 0]}, (6, 18)),
        ({"name": "shift", "horizontal": [0, 0], "vertical": [3 / 33, 3 / 33]}, (9, 22)),
        ({"name": "shift", "horizontal": [0, 0], "vertical": [-3 / 33, -3 / 33]}, (3, 22)),
        ({"name": "rescale", "factor": [1.5, 1.5]}, (1, 25)),
        ({"name": "rescale", "factor": [0.5, 0.5]}, (11, 19)),
        ({"name": "shear", "degrees": [45, 45]}, (6, 32)),  # the top moves right
        (
            {"name": "shear", "degrees": [0, 0], "vertical_degrees": [45, 45]},
            (12, 22),  # the right side moves down
        ),
        ({"name": "horizontal-flip", "probability": 1}, (6, 10)),
        ({"name": "vertical-flip", "probability": 1}, (26, 22)),
    ],
)
def test_a_known_point_moves_where_it_should(augment, operation, expected):
    moved = augment([operation], dot(6, 22))
    if operation["name"] == "rescale" and operation["factor"][0] < 1:
        moved = np.maximum(moved, 1) * (moved > 0)
    assert where(moved) == expected


def test_a_quarter_turn_is_exact(augment, noise_images):
    images = noise_images(2, 8, 8, 3)
    turned = augment([{"name": "rotation", "degrees": [90, 90]}], images)
    np.testing.assert_array_equal(turned, np.rot90(images, axes=(1, 2)))


def test_operations_in_sequence_are_composed_in_order(augment):
    shift = {"name": "shift", "horizontal": [4 / 33, 4 / 33], "vertical": [0, 0]}
    turn = {"name": "rotation", "degrees": [90, 90]}
    assert where(augment([shift, turn], dot(16, 16))) == (12, 16)
    assert where(augment([turn, shift], dot(16, 16))) == (16, 20)


@pytest.mark.parametrize(
    ("fill", "mode"),
    [("constant", "grid-constant"), ("nearest", "nearest"), ("reflect", "reflect")],
)
def test_the_transform_agrees_with_scipy(noise_images, fill, mode):
    images = ndimage.uniform_filter(noise_images(3, 24, 30, 1), (1, 3, 3, 1))
    angles = tf.constant([10.0, -35.0, 170.0])
    ones = tf.ones(3)
    maps = geometry.rotation(angles) @ geometry.rescale(0.8 * ones, 0.7 * ones)
    maps = maps @ geometry.shear(0.2 * ones, 0.1 * ones) @ geometry.shift(2.5 * ones, -1.25 * ones)
    spec = AugmentSpec(fill=fill, fill_value=100)
    moved = geometry.transform(tf.constant(images), maps, spec).numpy()
    swap = [1, 0]  # SciPy counts (row, column)
    middle = np.array([(24 - 1) / 2, (30 - 1) / 2])
    for image, found, matrix in zip(images, moved, maps.numpy().astype(float), strict=True):
        linear, offset = matrix[:2, :2][swap][:, swap], matrix[:2, 2][swap]
        expected = ndimage.affine_transform(
            image[..., 0].astype(float),
            linear,
            offset + middle - linear @ middle,
            order=1,
            mode=mode,
            cval=100,
        )
        difference = np.abs(found[..., 0] - expected)
        # The kernel folds places rather than pixels: half a pixel at a reflecting edge may differ.
        assert np.mean(difference > 1) < (0.03 if fill == "reflect" else 0.001)


def test_nearest_interpolation_invents_no_values(augment, noise_images):
    images = np.where(noise_images(4, 20, 20, 1) > 127, 255, 0).astype(np.uint8)
    turned = augment(["rotation"], images, interpolation="nearest")
    assert set(np.unique(turned)) == {0, 255}


@pytest.mark.parametrize(
    ("fill", "mode"),
    [("constant", "constant"), ("reflect", "symmetric"), ("nearest", "edge"), ("wrap", "wrap")],
)
def test_pad_crop_is_a_crop_of_numpy_padding(augment, noise_images, fill, mode):
    images = noise_images(64, 10, 12, 3)
    fields = {"constant_values": 9} if fill == "constant" else {}
    padded = np.pad(images, ((0, 0), (3, 3), (3, 3), (0, 0)), mode=mode, **fields)
    cropped = augment([{"name": "pad-crop", "pixels": 3}], images, fill=fill, fill_value=9)
    offsets = set()
    for before, after in zip(padded, cropped, strict=True):
        found = [
            (y, x)
            for y in range(7)
            for x in range(7)
            if (before[y : y + 10, x : x + 12] == after).all()
        ]
        assert len(found) == 1
        offsets.add(found[0])
    assert len(offsets) > 25
    assert {y for y, _ in offsets} == {x for _, x in offsets} == set(range(7))


@pytest.mark.parametrize("fill", ["constant", "reflect"])
def test_whole_pixels_agree_with_the_transform(augment, noise_images, fill):
    images = noise_images(32, 9, 12, 3)
    operations = ["horizontal-flip", "pad-crop", "vertical-flip", {"name": "pad-crop", "pixels": 2}]
    # A rotation by nothing sends the same moves through the projective transform.
    still = {"name": "rotation", "degrees": [0, 0]}
    copied = augment(operations, images, fill=fill, fill_value=7)
    moved = augment([*operations, still], images, fill=fill, fill_value=7)
    np.testing.assert_array_equal(copied, moved)


def test_flips_happen_at_their_probability(augment, noise_images):
    images = noise_images(2000, 4, 4, 1)
    flipped = augment([{"name": "horizontal-flip", "probability": 0.3}], images)
    share = np.mean([(a == b[:, ::-1]).all() for a, b in zip(flipped, images, strict=True)])
    assert share == pytest.approx(0.3, abs=0.04)
