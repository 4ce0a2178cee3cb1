from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from kerascnn import layers
from kerascnn.errors import UserError


def maps(*shape: int) -> np.ndarray:
    return np.random.default_rng(0).normal(size=shape).astype("float32") * 20


@pytest.mark.parametrize(
    ("size", "alpha", "beta", "k"), [(5, 1e-4, 0.75, 2.0), (3, 0.5, 0.5, 1.0), (9, 1e-3, 0.75, 1)]
)
@pytest.mark.parametrize("channels", [1, 4, 16])
def test_lrn_is_the_papers_formula(size, alpha, beta, k, channels):
    x = maps(2, 3, 4, channels)
    expected = np.zeros_like(x, "float64")
    for i in range(channels):
        near = x[..., max(0, i - size // 2) : min(channels - 1, i + size // 2) + 1]
        expected[..., i] = x[..., i] / (k + alpha * (near.astype("float64") ** 2).sum(-1)) ** beta
    y = layers.LRN(size, alpha, beta, k)(x)
    np.testing.assert_allclose(y, expected, rtol=1e-5, atol=1e-6)


def test_lrn_defaults_are_tensorflows_op_with_the_papers_constants():
    x = tf.constant(maps(2, 3, 4, 16))
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(x)
        ours = tf.reduce_sum(layers.LRN()(x) ** 2)
        theirs = tf.reduce_sum(tf.nn.local_response_normalization(x, 2, 2.0, 1e-4, 0.75) ** 2)
    np.testing.assert_allclose(ours, theirs, rtol=1e-5)
    np.testing.assert_allclose(tape.gradient(ours, x), tape.gradient(theirs, x), rtol=1e-3)


def test_lcn_is_the_papers_formula():
    x = maps(2, 8, 7, 3)
    size, sigma = 5, 1.5
    offsets = np.arange(size) - size // 2
    window = np.exp(-(offsets[:, None] ** 2 + offsets**2) / (2 * sigma**2))

    def mean(values: np.ndarray) -> np.ndarray:
        result = np.zeros((*values.shape[:3], 1))
        for b, i, j, _ in np.ndindex(result.shape):
            total = weight = 0.0
            for p, q in np.ndindex(size, size):
                row, column = i + p - size // 2, j + q - size // 2
                if 0 <= row < values.shape[1] and 0 <= column < values.shape[2]:
                    total += window[p, q] * values[b, row, column].mean()
                    weight += float(window[p, q])
            result[b, i, j] = total / weight
        return result

    v = x.astype("float64") - mean(x.astype("float64"))
    deviation = np.sqrt(mean(v**2))
    expected = v / np.maximum(deviation.mean(axis=(1, 2), keepdims=True), deviation)
    np.testing.assert_allclose(layers.LCN(size, sigma)(x), expected, rtol=1e-4, atol=1e-5)


def test_lcn_of_a_flat_image_is_zero_up_to_the_border():
    flat = np.full((1, 12, 12, 3), 0.5, "float32")
    np.testing.assert_allclose(layers.LCN()(flat), 0, atol=1e-2)  # rounding over epsilon
    brighter = 4 * maps(1, 12, 12, 3) + 7
    np.testing.assert_allclose(layers.LCN()(brighter), layers.LCN()(maps(1, 12, 12, 3)), atol=1e-4)


def test_mistakes_are_named():
    with pytest.raises(UserError, match="LRN size: got 4, must be odd"):
        layers.LRN(size=4)
    with pytest.raises(UserError, match="LCN size: got 0, must be odd"):
        layers.LCN(size=0)
    with pytest.raises(UserError, match="LCN: got sigma 0"):
        layers.LCN(sigma=0)
