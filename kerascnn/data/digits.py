"""The embedded data set: scikit-learn's 1,797 handwritten digits."""

from __future__ import annotations

import numpy as np

CLASSES = tuple("0123456789")

# Each 8x8 digit counts the ink in the 4x4 blocks of a 32x32 bitmap (Alpaydin and Kaynak 1998).
BITMAP = (32, 32)


def read() -> tuple[np.ndarray, np.ndarray]:
    """Returns uint8 images (1797, 8, 8, 1), the 17 grey levels spread over 0..255, and labels."""
    from sklearn.datasets import load_digits

    digits = load_digits()
    images = np.rint(digits.images * (255 / 16)).astype(np.uint8)[..., np.newaxis]
    return images, digits.target.astype(np.int64)
