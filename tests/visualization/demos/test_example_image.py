"""Image files that demos are given."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from kerascnn.errors import UserError
from kerascnn.visualization.demos.example_image import read_example


def test_grey_stays_one_channel_and_small_stays_as_it_is(tmp_path: Path, noise_images) -> None:
    (grey,) = noise_images(1, 8, 6, 1)
    Image.fromarray(grey[..., 0]).save(tmp_path / "grey.png")
    found = read_example(str(tmp_path / "grey.png"))
    assert found.dtype == float
    assert (found == grey).all()


def test_large_images_are_made_smaller(tmp_path: Path) -> None:
    pixels = np.zeros((300, 600, 3), np.uint8)
    pixels[..., 0] = 255
    Image.fromarray(pixels).save(tmp_path / "red.png")
    found = read_example(str(tmp_path / "red.png"))
    assert found.shape == (100, 200, 3)
    assert found[50, 100].tolist() == [255, 0, 0]


def test_no_image(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"none\.png"):
        read_example(str(tmp_path / "none.png"))
