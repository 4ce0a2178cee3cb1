"""What is done while decoding is what would be done in the batch."""

from __future__ import annotations

import numpy as np
import pytest

from kerascnn.augment import framing
from kerascnn.augment.batch import batch_function
from kerascnn.augment.draws import draws, position_keys
from kerascnn.augment.operation import WindowOperation
from kerascnn.augment.spec import AugmentSpec
from kerascnn.backend import tf


def numbers(spec, positions, seed=0, epoch=0):
    keys = {"seed": tf.constant(seed, tf.int64), "epoch": tf.constant(epoch, tf.int64)}
    return framing.framing_numbers(spec, **keys, positions=tf.constant(positions, tf.int64))


@pytest.mark.parametrize("preset", ["alexnet", "vgg", "inception"])
def test_the_crop_cut_while_decoding_is_the_one_of_the_batch(preset):
    spec, shape = AugmentSpec(preset=preset), (224, 224, 3)
    positions = [17, 18, 19]
    keys = position_keys(tf.constant(4, tf.int64), tf.constant(1, tf.int64), positions)
    random = draws(keys, [1.0])[0]
    crop = spec.framing[0]
    assert isinstance(crop, WindowOperation)
    batch = crop.window(random, 375.0, 500.0, shape)
    size = tf.constant([375, 500])
    for drawn, expected in zip(numbers(spec, positions, 4, 1), np.stack(batch, 1), strict=True):
        box = framing.crop_box(spec, shape, drawn, size)
        assert box.dtype == tf.int32
        np.testing.assert_allclose(box, expected, atol=1)
        y, x, h, w = box.numpy()
        assert 0 <= y <= 375 - h
        assert 0 <= x <= 500 - w
        if preset == "alexnet":
            assert h == w == 328  # 375 * 224 / 256


def test_crops_fit_tiny_images():
    for preset in ("vgg", "inception"):
        spec = AugmentSpec(preset=preset)
        for drawn in numbers(spec, range(20)):
            y, x, h, w = framing.crop_box(spec, (224, 224, 3), drawn, tf.constant([1, 3])).numpy()
            assert (y, h) == (0, 1)
            assert 0 <= x <= 3 - w < 3


def test_after_framing_the_rest_is_the_same(noise_images):
    images, labels = tf.constant(noise_images(20, 16, 16, 3)), tf.zeros(20, tf.int32)
    keys = [tf.range(20, dtype=tf.int64), *[tf.constant(0, tf.int64)] * 2]
    crop = {"name": "random-resized-crop", "probability": 0}  # whole images of this shape
    spec = AugmentSpec(operations=[crop, "horizontal-flip", "brightness"])
    whole = batch_function(spec, (16, 16, 3), 10)(images, labels, *keys)[0]
    drawn = numbers(spec, range(20))
    framed = [framing.mirrored(spec, n, image) for n, image in zip(drawn, images, strict=True)]
    assert 0 < np.sum(np.any(tf.stack(framed) != images, axis=(1, 2, 3))) < 20
    rest = batch_function(spec, (16, 16, 3), 10, framed=True)(tf.stack(framed), labels, *keys)[0]
    np.testing.assert_array_equal(whole, rest)
