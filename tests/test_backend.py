from __future__ import annotations

import sys

from kerascnn.backend import keras


def test_deep_graphs_are_walked_also_where_keras_was_imported_before():
    before = sys.getrecursionlimit()
    try:
        sys.setrecursionlimit(1000)
        assert keras.layers
        assert sys.getrecursionlimit() > 10_000
    finally:
        sys.setrecursionlimit(before)
