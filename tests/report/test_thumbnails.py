"""Small pictures in a page."""

from __future__ import annotations

import base64
import io

import numpy as np
from PIL import Image

from kerascnn.report.thumbnails import SIDE, data_uri, filter_uri


def _read(address: str) -> Image.Image:
    head, _, text = address.partition(";base64,")
    image = Image.open(io.BytesIO(base64.b64decode(text)))
    assert head == f"data:image/{str(image.format).lower()}"
    return image


def test_a_small_image_stays_as_it_is(noise_images) -> None:
    for channels in (1, 3):
        image = noise_images(28, 20, channels)
        read = _read(data_uri(image))
        assert read.format == "PNG"
        np.testing.assert_array_equal(np.asarray(read).reshape(image.shape), image)


def test_a_large_image_becomes_small_and_keeps_its_form(noise_images) -> None:
    for channels in (1, 3):
        read = _read(data_uri(noise_images(300, 600, channels)))
        assert (read.format, read.size) == ("JPEG", (SIDE, SIDE // 2))


def test_zero_is_grey_in_a_filter() -> None:
    weights = np.array([[0.0, 0.5], [-0.5, 0.25]])[..., None]
    assert np.asarray(_read(filter_uri(weights))).tolist() == [[128, 255], [1, 192]]
    assert np.asarray(_read(filter_uri(np.zeros((2, 2, 3))))).min() == 128
