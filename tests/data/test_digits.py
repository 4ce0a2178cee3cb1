"""The embedded digits."""

from __future__ import annotations

import numpy as np
from sklearn.datasets import load_digits

from kerascnn.data import digits


def test_every_digit_with_its_label_and_its_seventeen_levels() -> None:
    images, labels = digits.read()
    assert (images.shape, images.dtype, labels.dtype) == ((1797, 8, 8, 1), np.uint8, np.int64)
    original = load_digits()
    np.testing.assert_array_equal(labels, original.target)
    np.testing.assert_array_equal(np.rint(images[..., 0] * (16 / 255)), original.images)
    assert len(np.unique(images)) == 17
    assert (images.min(), images.max()) == (0, 255)


def test_classes_are_in_the_order_of_the_labels() -> None:
    _, labels = digits.read()
    assert digits.CLASSES == ("0", "1", "2", "3", "4", "5", "6", "7", "8", "9")
    assert np.bincount(labels).tolist() == [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]
