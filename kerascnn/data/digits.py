"""The embedded data set: scikit-learn's 1,797 handwritten digits."""

from __future__ import annotations

import gzip
import importlib.util
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np

CLASSES = tuple("0123456789")

# Each 8x8 digit counts the ink in the 4x4 blocks of a 32x32 bitmap (Alpaydin and Kaynak 1998).
BITMAP = (32, 32)


def read() -> tuple[np.ndarray, np.ndarray]:
    """Returns uint8 images (1797, 8, 8, 1), the 17 grey levels spread over 0..255, and labels."""
    import numpy as np

    # scikit-learn takes a second to import; this is the file that its load_digits reads.
    library = importlib.util.find_spec("sklearn")
    assert library is not None
    assert library.submodule_search_locations is not None
    folder = Path(library.submodule_search_locations[0], "datasets", "data")
    with gzip.open(folder / "digits.csv.gz", "rt") as file:
        rows = np.loadtxt(file, delimiter=",", dtype=np.int64)
    images = np.rint(rows[:, :-1].reshape(-1, 8, 8, 1) * (255 / 16)).astype(np.uint8)
    return images, rows[:, -1].copy()
