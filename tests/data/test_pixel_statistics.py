"""What stands for the pixels' statistics where no data is at hand."""

from __future__ import annotations

import numpy as np
import pytest

from kerascnn import build_model
from kerascnn.data.pixel_statistics import PixelStatistics


def test_imagenets_for_colours() -> None:
    found = PixelStatistics.default(3)
    np.testing.assert_allclose(np.array(found.mean) / 255, [0.485, 0.456, 0.406], atol=1e-9)
    np.testing.assert_allclose(np.array(found.std) / 255, [0.229, 0.224, 0.225], atol=1e-9)


@pytest.mark.parametrize("channels", [1, 2, 4])
def test_mid_grey_otherwise(channels: int) -> None:
    found = PixelStatistics.default(channels)
    assert found.mean == (127.5,) * channels
    assert found.std == (64.0,) * channels


def test_a_network_without_data_is_built_with_them() -> None:
    model = build_model("linear", input_shape=(2, 2, 3), classes=2)
    pixels = np.full((1, 2, 2, 3), 124, np.uint8)
    seen = type(model)(model.input, model.get_layer("pixels").output)(pixels)
    expected = (124 - np.array([123.675, 116.28, 103.53])) / [58.395, 57.12, 57.375]
    np.testing.assert_allclose(seen[0, 0, 0], expected, rtol=1e-4)
