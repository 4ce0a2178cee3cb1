"""LiteRT files (TensorFlow Lite): float32, float16 weights, and int8."""

from __future__ import annotations

import functools
import zipfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from kerascnn.backend import tf
from kerascnn.serving.exports.format import About, Format
from kerascnn.serving.exports.network import AROUND, INPUT, NAME

if TYPE_CHECKING:
    import keras

    from kerascnn.serving.exports.format import Classifier

_LINES = """\
import json, sys, zipfile
import numpy, PIL.Image
from ai_edge_litert.interpreter import Interpreter
classify = Interpreter("model.tflite").get_signature_runner()
image = numpy.asarray(PIL.Image.open(sys.argv[1]).convert("RGB"))
classes = json.loads(zipfile.ZipFile("model.tflite").read("kerascnn.json"))["classes"]
(answer,) = classify(images=image[None]).values()
print(dict(zip(classes, answer[0].tolist())))
"""


def _write(
    finish: Callable[[Path, Iterator[np.ndarray]], None] | None,
    types: Sequence[str],
    model: keras.Model,
    about: About,
    path: Path,
    images: Iterator[np.ndarray],
) -> None:
    """Writes a file of LiteRT's own operations alone; Keras's default would add TensorFlow's."""
    settings: dict[str, Any] = {"supported_ops": [tf.lite.OpsSet.TFLITE_BUILTINS]}
    if types:
        settings["supported_types"] = [tf.as_dtype(name) for name in types]
    optimizations = [tf.lite.Optimize.DEFAULT] if types else []
    model.export(
        path, format="litert", verbose=False, optimizations=optimizations, target_spec=settings
    )
    if finish is not None:
        finish(path, images)
    # As TensorFlow Lite's metadata does: files beside the model are a ZIP archive at its end.
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("kerascnn.json", about.as_json())
        archive.writestr("labels.txt", "".join(f"{name}\n" for name in about.classes))


def _quantize(path: Path, images: Iterator[np.ndarray]) -> None:
    """Makes weights and activations of the network int8, with ranges as seen on images.

    What is before and after it, the resizing and the probabilities, stays in float32: TensorFlow's
    own converter knows only all or nothing.
    """
    from ai_edge_litert.interpreter import Interpreter
    from ai_edge_quantizer import quantizer

    (signature,) = Interpreter(str(path)).get_signature_list()
    work = quantizer.Quantizer(str(path))
    work.add_static_config(
        rf"^{NAME}(_\d+)?/(?!({'|'.join(AROUND)})(_\d+)?/)", "*", activation_num_bits=8,
        weight_num_bits=8,
    )  # fmt: skip
    ranges = work.calibrate({signature: [{INPUT: image[None]} for image in images]}, num_threads=1)
    path.write_bytes(work.quantize(ranges).quantized_model)


def _open(path: Path) -> Classifier:
    from ai_edge_litert.interpreter import Interpreter

    classify = Interpreter(str(path), num_threads=1).get_signature_runner()

    def one(image: np.ndarray) -> np.ndarray:
        (answer,) = classify(images=image[None]).values()
        return np.asarray(answer[0])

    return one


def _format(
    name: str,
    what: str,
    finish: Callable[[Path, Iterator[np.ndarray]], None] | None = None,
    types: Sequence[str] = (),
    modules: Sequence[str] = (),
) -> Format:
    return Format(
        name, what, "model.tflite", "litert", ("ai_edge_litert", *modules),
        functools.partial(_write, finish, types), _open, _LINES, lossy=finish is not None,
    )  # fmt: skip


FORMATS = {
    form.name: form
    for form in (
        _format("litert", "LiteRT"),
        _format("litert-float16", "LiteRT with float16 weights", types=["float16"]),
        _format("litert-int8", "LiteRT in int8", _quantize, modules=["ai_edge_quantizer"]),
    )
}
