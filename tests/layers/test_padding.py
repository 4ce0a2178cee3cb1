from __future__ import annotations

import keras
import numpy as np
import pytest

from kerascnn import layers
from kerascnn.errors import UserError


def test_appends_zeros():
    x = np.random.default_rng(0).normal(size=(2, 3, 4, 5)).astype("float32")
    layer = layers.PadChannels(7)
    y = layer(x)
    np.testing.assert_array_equal(y[..., :5], x)
    assert not np.any(y[..., 5:])
    assert layer.compute_output_shape(x.shape) == (2, 3, 4, 7) == y.shape


def test_too_few_channels():
    with pytest.raises(UserError, match="channels: got 3, must be at least the input's 4"):
        layers.PadChannels(3)(keras.Input((8, 8, 4)))
