from __future__ import annotations

import subprocess
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


def test_keras_is_imported_without_what_it_is_not_used_for() -> None:
    """Its parts for scikit-learn and for galleries come when they are asked for."""
    code = (
        "import sys\n"
        "from kerascnn.backend import keras, tf\n"
        "assert keras.layers and tf.constant\n"
        "print({'sklearn', 'scipy.stats', 'matplotlib'} & set(sys.modules))\n"
        "assert keras.wrappers.SKLearnClassifier and keras.visualization.plot_image_gallery\n"
        "assert tf.keras.wrappers.SKLearnClassifier is keras.wrappers.SKLearnClassifier\n"
        "print({'sklearn', 'matplotlib'} - set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "set()\nset()\n"
