"""Pictures for the tests to write."""

from __future__ import annotations

import numpy as np


def picture(height: int, width: int, seed: int = 0) -> np.ndarray:
    """A smooth uint8 RGB picture with noise, so that JPEG and resizing have something to do."""
    random = np.random.default_rng(seed)
    y, x = np.mgrid[0 : 1 : height * 1j, 0 : 1 : width * 1j]
    waves = [np.sin(6 * (x * random.random() + y * random.random()) + i) for i in range(3)]
    noisy = 128 + 90 * np.stack(waves, -1) + random.normal(0, 8, (height, width, 3))
    return noisy.clip(0, 255).astype(np.uint8)
