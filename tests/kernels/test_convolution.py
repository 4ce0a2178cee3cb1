"""A kernel's gradient of one's own is taken, and the maps' stays."""

from __future__ import annotations

import numpy as np
import pytest

from kerascnn.backend import keras, tf
from kerascnn.kernels.convolution import convolve, is_square


def test_the_kernels_gradient_is_ones_own() -> None:
    random = np.random.default_rng(0)
    maps = tf.constant(random.normal(size=(2, 5, 4, 3)).astype("float32"))
    kernel = tf.constant(random.normal(size=(3, 3, 3, 6)).astype("float32"))
    seen = []

    def of_kernel(maps, upstream, shape):
        seen.append((maps.shape, upstream.shape, shape))
        return tf.fill(shape, 7.0)

    with tf.GradientTape(persistent=True) as tape:
        tape.watch([maps, kernel])
        ours, theirs = convolve(maps, kernel, of_kernel), tf.nn.conv2d(maps, kernel, 1, "SAME")
    np.testing.assert_array_equal(ours, theirs)
    of_maps, found = tape.gradient(ours, [maps, kernel])
    np.testing.assert_allclose(of_maps, tape.gradient(theirs, maps), atol=1e-5)
    assert (found.numpy() == 7).all()
    assert seen == [((2, 5, 4, 3), (2, 5, 4, 6), (3, 3, 3, 6))]


@pytest.mark.parametrize(
    ("options", "expected"),
    [({}, True), ({"strides": 2}, False), ({"padding": "valid"}, False), ({"groups": 2}, False)]
    + [({"kernel_size": size}, size == 1) for size in (1, 4, (3, 5))],
)
def test_what_is_square(options, expected) -> None:
    arguments = {"kernel_size": 3, "padding": "same"} | options
    assert is_square(keras.layers.Conv2D(4, **arguments)) == expected
