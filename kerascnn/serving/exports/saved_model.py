"""A TensorFlow SavedModel: for TensorFlow Serving, and TensorFlow without Keras."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from kerascnn.backend import import_quietly, tf
from kerascnn.serving.exports.format import About, Format

if TYPE_CHECKING:
    import keras

    from kerascnn.serving.exports.format import Classifier

# TensorFlow Serving's own place for what is not part of the graph.
_ABOUT = "assets.extra/kerascnn.json"
_LINES = """\
import json, pathlib, sys
import numpy, PIL.Image, tensorflow
model = tensorflow.saved_model.load("model")
image = numpy.asarray(PIL.Image.open(sys.argv[1]).convert("RGB"))
classes = json.loads(pathlib.Path("model/assets.extra/kerascnn.json").read_text())["classes"]
print(dict(zip(classes, model.serve(image[None])[0].numpy().tolist())))
"""


def _write(model: keras.Model, about: About, path: Path, images: Iterator[np.ndarray]) -> None:
    model.export(path, format="tf_saved_model", verbose=False)
    place = path / _ABOUT
    place.parent.mkdir(exist_ok=True)
    place.write_text(about.as_json(), encoding="utf-8")


def _open(path: Path) -> Classifier:
    os.environ["TF_NUM_INTRAOP_THREADS"] = "1"
    import_quietly()
    model = tf.saved_model.load(path)
    return lambda image: model.serve(image[None])[0].numpy()


FORMATS = {
    "savedmodel": Format(
        "savedmodel", "TensorFlow SavedModel", "model", None, (), _write, _open, _LINES
    )
}
