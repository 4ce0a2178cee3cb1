from __future__ import annotations

import keras
import numpy as np
import pytest

from kerascnn import layers
from kerascnn.errors import UserError
from kerascnn.layers.lenet import class_codes


def test_subsampling_scales_the_sum_of_each_window():
    x = np.random.default_rng(0).normal(size=(2, 5, 4, 3)).astype("float32")
    layer = layers.Subsampling2D()
    layer.build(x.shape)
    layer.bias.assign([1.0, 2.0, 3.0])
    windows = x[:, :4].reshape(2, 2, 2, 2, 2, 3).sum(axis=(2, 4))
    expected = layer.coefficient.numpy() * windows + [1, 2, 3]
    np.testing.assert_allclose(layer(x), expected, rtol=1e-5, atol=1e-5)
    assert np.abs(layer.coefficient).max() <= 0.6
    assert layer.macs((5, 4, 3)) == 2 * 2 * 3


def test_sparse_convolution_is_a_convolution_with_zeros():
    table = ((0, 1), (2,), (0, 1, 2))
    x = np.random.default_rng(0).normal(size=(2, 6, 5, 3)).astype("float32")
    layer = layers.SparseConv2D(table, 3)
    y = layer(x)
    kernel, bias = np.zeros((3, 3, 3, 3), "float32"), layer.bias.numpy()
    links = [(source, target) for target, row in enumerate(table) for source in row]
    for link, (source, target) in enumerate(links):
        kernel[:, :, source, target] = layer.kernel[:, :, link]
    expected = keras.ops.conv(x, kernel, padding="valid") + bias
    np.testing.assert_allclose(y, expected, rtol=1e-4, atol=1e-5)
    assert layer.count_params() == 6 * 9 + 3


def test_sparse_convolution_starts_by_the_fan_in_of_each_map():
    layer = layers.SparseConv2D(((0,), tuple(range(10))), 5)
    layer.build((None, 8, 8, 10))
    assert np.abs(layer.kernel[:, :, 0]).max() == pytest.approx(2.4 / 25, rel=0.3)
    assert np.abs(layer.kernel[:, :, 1:]).max() == pytest.approx(2.4 / 250, rel=0.1)


def test_rbf_is_minus_the_squared_distance():
    x = np.random.default_rng(0).normal(size=(5, 84)).astype("float32")
    layer = layers.RBF(10)
    expected = -((x[:, :, None] - class_codes(10)) ** 2).sum(axis=1)
    np.testing.assert_allclose(layer(x), expected, rtol=1e-5)
    assert layer.trainable_weights == []
    assert layer.macs((84,)) == 840


def test_rbf_puts_each_code_in_its_class():
    for classes in (2, 10, 40):
        codes = class_codes(classes)
        np.testing.assert_array_equal(
            np.argmax(layers.RBF(classes)(codes.T), axis=-1), np.arange(classes)
        )
        assert codes.shape == (84, classes)
        assert set(np.ravel(codes)) == {-1.0, 1.0}


def test_rbf_codes_can_be_trained():
    layer = layers.RBF(10, trainable=True)
    layer.build((None, 84))
    assert layer.count_params() == 840
    assert len(layer.trainable_weights) == 1


def test_mistakes_are_named():
    with pytest.raises(UserError, match="pool_size: got 0"):
        layers.Subsampling2D(0)
    with pytest.raises(UserError, match="each row must name maps, each once"):
        layers.SparseConv2D((), 3)
    with pytest.raises(UserError, match="each row must name maps, each once"):
        layers.SparseConv2D(((1, 1),), 3)
    with pytest.raises(UserError, match="kernel_size: got 0"):
        layers.SparseConv2D(((0,),), 0)
    with pytest.raises(UserError, match="the table names map 3, there are 3"):
        layers.SparseConv2D(((0, 3),), 2)(keras.Input((5, 5, 3)))
    with pytest.raises(UserError, match="RBF units: got 0"):
        layers.RBF(0)
