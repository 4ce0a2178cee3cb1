from __future__ import annotations

import numpy as np
import pytest

from kerascnn.augment.batch import batch_function
from kerascnn.augment.operation import Operation
from kerascnn.augment.spec import PRESETS, AugmentSpec
from kerascnn.backend import tf
from kerascnn.errors import UserError

UNMIXED = [name for name in Operation.names() if name not in ("mixup", "cutmix")]


@pytest.mark.parametrize("name", UNMIXED)
def test_a_position_gets_the_same_pixels_in_another_batch_split(augment, noise_images, name):
    images = noise_images(12, 16, 16, 3)
    operation = {"name": name, "probability": 0.7}
    whole = augment([operation], images, positions=range(100, 112), seed=5, epoch=2)
    parts = [
        augment([operation], images[a:b], positions=range(100 + a, 100 + b), seed=5, epoch=2)
        for a, b in ((0, 5), (5, 6), (6, 12))
    ]
    np.testing.assert_array_equal(np.concatenate(parts), whole)


@pytest.mark.parametrize("name", Operation.names())
def test_epochs_differ_and_repeat(augment, noise_images, name):
    images, labels = noise_images(16, 20, 20, 3), np.arange(16) % 10

    def run(**keys):
        return augment([name], images, labels, **keys)

    first, again = run(seed=1, epoch=1), run(seed=1, epoch=1)
    for one, other in zip(first, again, strict=True):
        np.testing.assert_array_equal(one, other)
    assert (first[0] != run(seed=1, epoch=2)[0]).any()
    assert (first[0] != run(seed=2, epoch=1)[0]).any()


@pytest.mark.parametrize("name", UNMIXED)
def test_compiled_in_a_data_set_and_eagerly_are_the_same(augment, noise_images, name):
    images = noise_images(6, 16, 16, 3)
    operation = {"name": name, "probability": 0.7}
    function = batch_function(AugmentSpec(operations=[operation]), (16, 16, 3), 10)
    seed, epoch = tf.constant(5, tf.int64), tf.constant(2, tf.int64)
    data = tf.data.Dataset.from_tensor_slices((images, np.zeros(6, np.int32), np.arange(6)))
    batches = data.batch(4).map(lambda x, y, p: function(x, y, p, seed, epoch)[0])
    compiled = np.concatenate(list(batches.as_numpy_iterator()))
    eager = augment([operation], images, positions=range(6), seed=5, epoch=2)
    # Products and sums may be fused in one and not in the other: a level where they are rounded.
    np.testing.assert_allclose(compiled.astype(int), eager.astype(int), atol=1)
    assert (compiled == eager).mean() > 0.99


@pytest.mark.parametrize("preset", PRESETS)
@pytest.mark.parametrize("count", [1, 5])
def test_every_preset_keeps_shape_and_type_inside_a_data_set(preset, count, noise_images):
    function = batch_function(AugmentSpec(preset=preset), (28, 28, 3), 10)
    zero = tf.constant(0, tf.int64)
    data = tf.data.Dataset.from_tensor_slices(
        (noise_images(5, 28, 28, 3), np.arange(5, dtype=np.int32), np.arange(5))
    )
    data = data.batch(count).map(lambda x, y, p: function(x, y, p, zero, zero))
    images, labels = next(iter(data))
    assert images.shape == (count, 28, 28, 3)
    assert data.element_spec[0].shape[1:] == (28, 28, 3)
    assert (images.dtype, labels.dtype) == (tf.uint8, tf.int32)


def test_colours_are_rounded_once_and_geometry_moves_once(augment, noise_images):
    """A dark then a bright step, and a turn and its reverse, give the image back."""
    images = noise_images(4, 12, 12, 3)
    steps = [{"name": "brightness", "factor": [f, f]} for f in (0.01, 10, 10)]
    np.testing.assert_array_equal(augment(steps, images), images)
    turns = [{"name": "rotation", "degrees": [d, d]} for d in (33, -33)]
    assert np.abs(augment(turns, images).astype(int) - images).max() <= 1


@pytest.mark.parametrize(
    ("operation", "shape", "message"),
    [
        ("lighting", (28, 28, 1), "augment: lighting needs 3 channels, the images have 1"),
        ("hue", (28, 28, 1), "hue needs 3 channels"),
        ({"name": "cutout", "size": 30}, (28, 40, 3), "cutout size: got 30, the images have only"),
        ({"name": "pad-crop", "pixels": 8}, (8, 8, 1), "pad-crop pixels: got 8, must be less"),
    ],
)
def test_operations_that_do_not_suit_the_images(operation, shape, message):
    with pytest.raises(UserError, match=message):
        batch_function(AugmentSpec(operations=[operation]), shape, 10)


def test_alternating_flips_show_every_image_both_ways_in_two_epochs(augment, noise_images):
    images = noise_images(64, 6, 6, 3)
    flip = [{"name": "horizontal-flip", "alternate": True}]
    epochs = [augment(flip, images, seed=1, epoch=epoch) for epoch in range(4)]
    mirrored = [(epoch == images[:, :, ::-1]).all((1, 2, 3)) for epoch in epochs]
    for epoch, flipped in zip(epochs, mirrored, strict=True):
        np.testing.assert_array_equal(epoch[~flipped], images[~flipped])
    np.testing.assert_array_equal(mirrored[0], ~mirrored[1])
    np.testing.assert_array_equal(mirrored[0], mirrored[2])
    np.testing.assert_array_equal(mirrored[1], mirrored[3])
    assert 16 < mirrored[0].sum() < 48  # about half of them begin mirrored
    order = np.random.default_rng(0).permutation(64)  # wherever the epoch's order puts them
    shuffled = augment(flip, images[order], seed=1, epoch=1)
    np.testing.assert_array_equal(shuffled, epochs[1][order])
