"""OpenVINO's intermediate representation: model.xml, and its weights in model.bin."""

from __future__ import annotations

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
import numpy, openvino, PIL.Image
core = openvino.Core()
model = core.read_model("model.xml")
classify = core.compile_model(model, "CPU")
image = numpy.asarray(PIL.Image.open(sys.argv[1]).convert("RGB"))
classes = json.loads(model.get_rt_info("kerascnn").value)["classes"]
print(dict(zip(classes, classify(image[None])[0][0].tolist())))
"""


def _write(model: keras.Model, about: About, path: Path, images: Iterator[np.ndarray]) -> None:
    import openvino

    unmarked = path.with_name("unmarked.xml")
    model.export(str(unmarked), format="openvino", verbose=False)
    written = openvino.Core().read_model(unmarked)
    written.set_rt_info(about.as_json(), "kerascnn")
    openvino.save_model(written, path, compress_to_fp16=False)
    del written  # it maps the file of weights
    for file in (unmarked, unmarked.with_suffix(".bin")):
        file.unlink()


def _open(path: Path) -> Classifier:
    import openvino

    core = openvino.Core()
    # float32 on every processor: some would compute in bfloat16 unasked.
    settings = {"INFERENCE_NUM_THREADS": 1, "INFERENCE_PRECISION_HINT": "f32"}
    classify = core.compile_model(path, "CPU", settings)
    return lambda image: classify(image[None])[0][0]


FORMATS = {
    "openvino": Format(
        "openvino", "OpenVINO", "model.xml", "openvino", ("openvino",), _write, _open, _LINES
    )
}
