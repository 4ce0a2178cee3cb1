from __future__ import annotations

import keras
import numpy as np
import pytest

from kerascnn.models.residual import apply_basic_block, apply_bottleneck_block


def _block(apply, shortcut, *, strides, filters, side=5, **arguments):
    inputs = keras.Input((side, side, 4))
    outputs = apply(inputs, filters, strides=strides, shortcut=shortcut, name="block", **arguments)
    return keras.Model(inputs, outputs)


@pytest.fixture
def maps():
    return np.random.default_rng(0).normal(size=(2, 5, 5, 4)).astype("float32")


def _silence(model, layer):
    """Makes the residual branch zero."""
    model.get_layer(layer).gamma.assign(np.zeros(model.get_layer(layer).gamma.shape))


@pytest.mark.parametrize("shortcut", ["A", "B"])
def test_same_shape_means_identity(maps, shortcut):
    model = _block(apply_basic_block, shortcut, strides=1, filters=4)
    _silence(model, "block_b_bn")
    np.testing.assert_allclose(model(maps), np.maximum(maps, 0))


def test_shortcut_a_takes_every_second_cell_and_appends_zeros(maps):
    model = _block(apply_basic_block, "A", strides=2, filters=6)
    _silence(model, "block_b_bn")
    output = model(maps).numpy()
    assert output.shape == (2, 3, 3, 6)
    np.testing.assert_array_equal(output[..., :4], np.maximum(maps[:, ::2, ::2], 0))
    assert not output[..., 4:].any()


@pytest.mark.parametrize(("shortcut", "strides"), [("B", 2), ("C", 1), ("C", 2)])
def test_projection(maps, shortcut, strides):
    model = _block(apply_basic_block, shortcut, strides=strides, filters=4)
    _silence(model, "block_b_bn")
    kernel = model.get_layer("block_shortcut").kernel.numpy()[0, 0]
    expected = np.maximum(maps[:, ::strides, ::strides] @ kernel / np.sqrt(1 + 1e-5), 0)
    np.testing.assert_allclose(model(maps), expected, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("strides", [1, 2])
def test_no_shortcut_is_the_residual_alone(maps, strides):
    model = _block(apply_basic_block, "none", strides=strides, filters=4)
    _silence(model, "block_b_bn")
    assert not model(maps).numpy().any()


@pytest.mark.parametrize("stride_on", ["1x1", "3x3"])
@pytest.mark.parametrize("shortcut", ["A", "B", "C", "none"])
@pytest.mark.parametrize("side", [4, 5])
def test_bottleneck_shapes(stride_on, shortcut, side):
    model = _block(
        apply_bottleneck_block, shortcut, strides=2, filters=3, side=side, stride_on=stride_on
    )
    assert model.output.shape == (None, (side + 1) // 2, (side + 1) // 2, 12)


def test_stride_2_samples_around_the_first_cell(maps):
    """Padding is symmetric: Keras's "same" would centre the first window on cell (1, 1)."""
    even = np.zeros((1, 4, 4, 4), "float32")
    even[0, 0, 0, 0] = 1
    model = _block(apply_basic_block, "none", strides=2, filters=1, side=4)
    kernel = np.zeros((3, 3, 4, 1), "float32")
    kernel[1, 1, 0, 0] = 1
    model.get_layer("block_a").set_weights([kernel])
    first = keras.Model(model.input, model.get_layer("block_a").output)
    np.testing.assert_array_equal(first(even)[0, :, :, 0], [[1, 0], [0, 0]])
