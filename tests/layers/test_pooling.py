from __future__ import annotations

import math
from collections.abc import Callable

import keras
import numpy as np
import pytest
import tensorflow as tf

from kerascnn import layers
from kerascnn.errors import UserError

# (side, window, stride, ceil-mode side): the sizes of the papers, and windows that just fit.
SIZES = [
    (33, 4, 2, 16), (15, 4, 2, 7), (21, 4, 2, 10), (9, 4, 2, 4), (9, 2, 2, 5), (6, 2, 2, 3),
    (32, 3, 2, 16), (27, 3, 2, 13), (110, 3, 2, 55), (7, 3, 3, 3), (2, 3, 2, 1), (3, 4, 2, 1),
    (5, 1, 1, 5),
]  # fmt: skip


def pool(
    x: np.ndarray, size: int, strides: int, reduce: Callable[[np.ndarray], float]
) -> np.ndarray:
    """Reduces each window of (B, H, W, C), those that hang over the edge included."""
    high, wide = (math.ceil((side - size) / strides) + 1 for side in x.shape[1:3])
    y = np.zeros((x.shape[0], high, wide, x.shape[3]))
    for b, i, j, c in np.ndindex(y.shape):
        rows, columns = (
            slice(i * strides, i * strides + size),
            slice(j * strides, j * strides + size),
        )
        y[b, i, j, c] = reduce(x[b, rows, columns, c].astype("float64"))
    return y


def maps(height: int, width: int, channels: int = 2, seed: int = 0) -> np.ndarray:
    generator = np.random.default_rng(seed)
    return generator.normal(size=(2, height, width, channels)).astype("float32")


@pytest.mark.parametrize(("side", "size", "strides", "expected"), SIZES)
def test_ceil_mode_sizes_and_values(side, size, strides, expected):
    x = maps(side, side + 1) - 5  # all negative: padding with zeros would show
    for layer, reduce in (
        (layers.CeilMaxPooling2D, np.max),
        (layers.CeilAveragePooling2D, np.mean),
    ):
        y = layer(size, strides)(x)
        assert y.shape[1] == expected
        np.testing.assert_allclose(y, pool(x, size, strides, reduce), rtol=1e-5)


def test_ceil_mode_of_maps_of_unknown_size():
    images = keras.Input((None, None, 2))
    for layer in (layers.CeilMaxPooling2D(4, 2), layers.StochasticPooling2D(4, 2)):
        model = keras.Model(images, layer(images))
        for x in (np.abs(maps(33, 15)), np.abs(maps(8, 9))):
            np.testing.assert_allclose(model.predict(x, verbose=0), layer(x), rtol=1e-6)


def test_rectangular_windows():
    x = maps(8, 9)
    wide = layers.CeilMaxPooling2D((1, 3), (1, 2))(x)
    assert wide.shape == (2, 8, 4, 2)
    np.testing.assert_array_equal(wide[:, :, 0], x[:, :, :3].max(axis=2))


@pytest.mark.parametrize("order", [1, 2, 3])
def test_lp_is_the_norm_of_each_window(order):
    x = maps(7, 8)
    expected = pool(x, 3, 2, lambda cells: (np.abs(cells) ** order).sum() ** (1 / order))
    np.testing.assert_allclose(layers.LpPooling2D(3, 2, order=order)(x), expected, rtol=1e-5)


def test_lp_gradient_is_that_of_the_norm_and_zero_at_zero():
    x = tf.constant([3.0, 4.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0], shape=(1, 2, 4, 1))
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = layers.LpPooling2D(2)(x)
    np.testing.assert_allclose(np.ravel(y), [5, 0], rtol=1e-6)
    np.testing.assert_allclose(np.ravel(tape.gradient(y, x))[:4], [0.6, 0.8, 0, 0], rtol=1e-6)


def test_stochastic_in_inference_is_the_mean_under_the_probabilities():
    x = np.maximum(maps(8, 9), 0)
    x[0, :4, :4] = 0  # a window of zeros gives zero
    expected = pool(x, 3, 2, lambda a: (a**2).sum() / a.sum() if a.sum() else 0.0)
    np.testing.assert_allclose(layers.StochasticPooling2D(3, 2)(x), expected, rtol=1e-5)


def test_stochastic_in_training_draws_each_cell_with_its_probability():
    cells = np.array([1.0, 0.0, 2.0, 5.0], "float32")
    x = np.tile(cells.reshape(1, 2, 2, 1), (1, 1, 1, 20000))
    y = np.ravel(layers.StochasticPooling2D(2, seed=3)(x, training=True))
    for value, probability in ((0, 0), (1, 1 / 8), (2, 2 / 8), (5, 5 / 8)):
        error = 4 * np.sqrt(probability * (1 - probability) / y.size)
        assert np.mean(y == value) == pytest.approx(probability, abs=error)
    assert set(y) == {1.0, 2.0, 5.0}


def test_stochastic_gradient_flows_to_the_drawn_cell_alone():
    x = tf.constant(np.arange(1.0, 33, dtype="float32").reshape(1, 4, 4, 2))
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = layers.StochasticPooling2D(2, seed=5)(x, training=True)
    slope = tape.gradient(y, x).numpy()
    assert set(np.ravel(slope)) == {0.0, 1.0}
    np.testing.assert_array_equal(np.sort(np.ravel(y)), np.sort(x.numpy()[slope == 1]))


def test_stochastic_draws_windows_that_overlap_apart_and_over_the_edge():
    x = np.abs(maps(6, 5)) + 0.1
    layer = layers.StochasticPooling2D(3, 2, seed=0)
    first, second = layer(x, training=True).numpy(), layer(x, training=True).numpy()
    assert (first != second).any()
    low, high = pool(x, 3, 2, np.min), pool(x, 3, 2, np.max)
    assert ((first >= low - 1e-6) & (first <= high + 1e-6)).all()
    again = layers.StochasticPooling2D(3, 2, seed=0)
    np.testing.assert_array_equal(again(x, training=True), first)


def test_stochastic_draws_in_a_graph_of_unknown_sizes():
    layer = layers.StochasticPooling2D(3, 2, seed=0)

    @tf.function(input_signature=[tf.TensorSpec((None, None, None, 2))])
    def draw(x: tf.Tensor) -> tf.Tensor:
        return layer(x, training=True)

    for side in (6, 7):
        x = np.abs(maps(side, side)) + 0.1
        y = draw(x)
        assert y.shape == layer.compute_output_shape(x.shape)
        assert set(np.ravel(y)) <= set(np.ravel(x))


def test_stochastic_counts_negative_cells_as_zero():
    x = np.array([-3.0, 2.0, -1.0, 0.0], "float32").reshape(1, 2, 2, 1)
    layer = layers.StochasticPooling2D(2)
    assert np.ravel(layer(x)) == [2.0]
    assert np.ravel(layer(x, training=True)) == [2.0]


@pytest.mark.parametrize("side", [13, 14, 7, 2, 1])
def test_spp_covers_every_cell(side):
    x = maps(side, side + 1, channels=3)
    y = layers.SPP((7, 3, 1))(x)
    assert y.shape == (2, 3 * (49 + 9 + 1))
    bins = []
    for n in (7, 3, 1):
        for i, j in np.ndindex(n, n):
            rows, columns = (
                slice(k * a // n, int(np.ceil((k + 1) * a / n)))
                for k, a in zip((i, j), x.shape[1:3], strict=True)
            )
            bins.append(x[:, rows, columns].max(axis=(1, 2)))
    np.testing.assert_array_equal(y, np.concatenate(bins, axis=1))


def test_spp_at_13_is_the_papers_rule_of_windows_and_strides():
    x = maps(13, 13)
    windows = layers.CeilMaxPooling2D(5, 4)(x)  # ceil(13 / 3), floor(13 / 3)
    np.testing.assert_array_equal(layers.SPP((3,))(x), np.reshape(windows, (2, -1)))


def test_mistakes_are_named():
    with pytest.raises(UserError, match=r"CeilMaxPooling2D: got pool_size \(2, 2\) and strides"):
        layers.CeilMaxPooling2D(2, 3)
    with pytest.raises(UserError, match="strides must be between 1 and pool_size"):
        layers.LpPooling2D(2, 0)
    with pytest.raises(UserError, match=r"order: got 0\.5"):
        layers.LpPooling2D(order=0.5)
    with pytest.raises(UserError, match="a 5x5 window does not fit"):
        layers.CeilMaxPooling2D(5, 1, name="pool")(keras.Input((4, 9, 1)))
    with pytest.raises(UserError, match=r"SPP levels: got \(\)"):
        layers.SPP(())
    with pytest.raises(UserError, match=r"SPP levels: got \(3, 0\)"):
        layers.SPP((3, 0))
    with pytest.raises(UserError, match="maps of known size"):
        layers.SPP()(keras.Input((None, 8, 1)))
