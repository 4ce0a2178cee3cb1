"""A `.keras` file that takes raw images; Keras reads it where kerascnn is installed."""

from __future__ import annotations

import importlib
import os
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from kerascnn.backend import tf
from kerascnn.serving.exports.format import About, Format

if TYPE_CHECKING:
    import keras

    from kerascnn.serving.exports.format import Classifier

_ABOUT = "metadata-kerascnn.json"
_LINES = """\
import json, sys, zipfile
import numpy, PIL.Image, keras, kerascnn.layers, kerascnn.serving.exports.layers
kerascnn.layers.register()
model = keras.saving.load_model("model.keras")
image = numpy.asarray(PIL.Image.open(sys.argv[1]).convert("RGB"))
classes = json.loads(zipfile.ZipFile("model.keras").read("metadata-kerascnn.json"))["classes"]
print(dict(zip(classes, model(image[None])[0].numpy().tolist())))
"""


def _write(model: keras.Model, about: About, path: Path, images: Iterator[np.ndarray]) -> None:
    model.save(path)
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr(_ABOUT, about.as_json())


def _open(path: Path) -> Classifier:
    os.environ["TF_NUM_INTRAOP_THREADS"] = "1"
    from kerascnn import layers
    from kerascnn.backend import keras

    importlib.import_module("kerascnn.serving.exports.layers")  # which registers them
    layers.register()
    model = keras.saving.load_model(path, compile=False)
    classify = tf.function(model, reduce_retracing=True)
    return lambda image: np.asarray(classify(image[None])[0])


FORMATS = {
    "keras": Format("keras", "Keras, with kerascnn", "model.keras", None, (), _write, _open, _LINES)
}
