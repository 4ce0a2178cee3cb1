from __future__ import annotations

import keras
import numpy as np
import pytest

from kerascnn import layers


@pytest.mark.parametrize(("size", "channels"), [(2, 3), (3, 1)])
def test_outputs_over_the_images_are_uncorrelated_with_unit_variance(size, channels):
    random = np.random.default_rng(0)
    smooth = random.normal(size=(200, 10, 10, channels)).cumsum(1).cumsum(2)
    maps = (smooth - smooth.mean()).astype("float32")
    layer = layers.Whitening(size, epsilon=0.0)
    layer.build(maps.shape)
    layer.adapt(maps)
    half = size * size * channels
    y = np.asarray(layer(maps)).reshape(-1, 2 * half)
    np.testing.assert_allclose(y[:, :half], -y[:, half:], atol=1e-4)
    np.testing.assert_allclose(y[:, :half].T @ y[:, :half] / len(y), np.eye(half), atol=0.02)


def test_it_has_nothing_to_train_and_as_many_filters_as_the_patch_has_numbers_twice():
    layer = layers.Whitening(2)
    assert layer(np.zeros((1, 32, 32, 3), "float32")).shape == (1, 31, 31, 24)
    assert not layer.trainable_weights
    assert layer.kernel.shape == (2, 2, 3, 24)


def test_a_partial_identity_lets_every_map_through():
    layer = keras.layers.Conv2D(6, 3, padding="same", kernel_initializer=layers.PartialIdentity())
    x = np.random.default_rng(0).normal(size=(1, 5, 5, 4)).astype("float32")
    y = layer(x)
    np.testing.assert_allclose(y[..., :4], x, rtol=1e-6)
    assert np.abs(y[..., 4:]).min() > 0
    narrow = layers.PartialIdentity()((3, 3, 4, 2))
    assert np.count_nonzero(narrow) == 2
