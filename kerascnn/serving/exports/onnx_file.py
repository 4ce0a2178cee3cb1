"""An ONNX file, by tf2onnx, as Keras calls it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from kerascnn.serving.exports.format import About, Format

if TYPE_CHECKING:
    import keras

    from kerascnn.serving.exports.format import Classifier

_LINES = """\
import json, sys
import numpy, onnxruntime, PIL.Image
session = onnxruntime.InferenceSession("model.onnx")
image = numpy.asarray(PIL.Image.open(sys.argv[1]).convert("RGB"))
classes = json.loads(session.get_modelmeta().custom_metadata_map["kerascnn"])["classes"]
print(dict(zip(classes, session.run(None, {"images": image[None]})[0][0].tolist())))
"""


def _write(model: keras.Model, about: About, path: Path, images: Iterator[np.ndarray]) -> None:
    import onnx

    model.export(path, format="onnx", verbose=False)
    written = onnx.load(path)
    onnx.helper.set_model_props(
        written, {"kerascnn": about.as_json(), "classes": json.dumps(about.classes)}
    )
    onnx.save(written, path)


def _open(path: Path) -> Classifier:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(path, options)
    return lambda image: session.run(None, {"images": image[None]})[0][0]


FORMATS = {
    "onnx": Format(
        "onnx", "ONNX", "model.onnx", "onnx", ("onnx", "tf2onnx", "onnxruntime"),
        _write, _open, _LINES,
    )
}  # fmt: skip
