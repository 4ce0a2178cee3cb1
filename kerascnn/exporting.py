"""From a run to a file that other programs run, checked against the run's model."""

from __future__ import annotations

import contextlib
import datetime
import json
import os
import re
import sys
import tempfile
import warnings
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import expit, softmax

from kerascnn import tracking
from kerascnn.backend import keras, tf
from kerascnn.data.dataset import ImageData
from kerascnn.data.examples import read_rgb
from kerascnn.data.loading import load
from kerascnn.errors import UserError
from kerascnn.evaluation.scores import predict_logits
from kerascnn.files import folder_size
from kerascnn.run_model import data_of, load_model
from kerascnn.serving.exports.check import Check, answers, compare
from kerascnn.serving.exports.format import REPORT, About, Format, format_of
from kerascnn.serving.exports.network import AROUND, layers_of, with_images_in
from kerascnn.table_files import write_json
from kerascnn.tracking import FINGERPRINT, Run
from kerascnn.version import __version__

if TYPE_CHECKING:
    from kerascnn.serving.archive import SavedModel

LINES = "use.py"
AGREEMENT = 0.999  # of a file with its model, at least
LOSS = 1.0  # points of accuracy that a lossy format may lose
_CALIBRATION = 300  # images of the training split


@dataclass(frozen=True)
class Exported:
    """What `export` leaves.

    Attributes:
        path: The folder with the file, `use.py`, and what was found, `export.json`.
        file: The file, or folder, within it.
        lines: Of Python, that use it; also `use.py`.
        check: How it does beside the model.
    """

    path: Path
    file: str
    lines: str
    check: Check


def export(
    run: Run | str | Path,
    format: str,
    out: str | Path | None = None,
    *,
    most_lost: float = LOSS,
    checking: Callable[[int], Callable[[int], None]] = lambda total: lambda count: None,
) -> Exported:
    """Writes a run's model for other programs, and checks the file on all validation images.

    It takes raw uint8 RGB images of any size, to 4,096 pixels a side, and gives probabilities:
    resizing, preprocessing and the views of `augment.test_time` are inside. The check runs it with
    its own runtime in a fresh process.

    Args:
        run: From `load_run`, what that takes, or a model.keras file.
        format: "keras", "savedmodel", "onnx", "litert", "litert-float16", "litert-int8" or
            "openvino".
        out: The folder to write; NAME-FORMAT by default. A former export there is replaced.
        most_lost: Points of accuracy that int8 may lose.
        checking: Called with how many images there are to check; what it returns is called with
            the number done since the last call.

    Raises:
        UserError: For an unknown format or run, a package that is not installed, a layer that the
            format cannot express, or a file that disagrees with the model: then nothing is kept.
    """
    form = format_of(format)
    form.check_installed()
    if isinstance(run, Path) or (isinstance(run, str) and run.endswith(".keras")):
        found, name = None, Path(run).stem
    else:
        found = tracking.load_run(run) if isinstance(run, str) else run
        name = found.name
    stem = re.sub(r"[^\w.-]+", "-", name)
    place = Path(out) if out is not None else Path(f"{stem}-{form.name}")
    _check_place(place)
    saved = load_model(found if found is not None else str(run))
    data = data_of(found) if found is not None else load(saved.recipe.data)
    if data.classes != saved.classes:
        raise UserError(f"{data.name} has other classes than the model: it cannot be checked on it")
    about = About(saved.classes, saved.thresholds, _provenance(found, data))
    model = with_images_in(saved)
    place.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=place.parent, prefix=f".{place.name}.") as scratch:
        folder = Path(scratch) / "export"
        folder.mkdir()
        try:
            with _quiet():
                form.write(model, about, folder / form.file, _training_images(data))
        except Exception as error:  # each converter has its own
            raise UserError(_inexpressible(form, model, error)) from error
        check = _checked(form, folder / form.file, saved, model, data, checking)
        _judge(form, check, most_lost)
        (folder / LINES).write_text(form.lines, encoding="utf-8")
        fit = model.get_layer(AROUND[0])
        found_out = {
            "format": form.name,
            "file": form.file,
            "input": "images: uint8 (batch, height, width, 3), RGB, up to 4,096 pixels a side",
            "output": "probabilities: float32 (batch, classes)",
            "image_shape": [fit.height, fit.width, 3],
            "resize": fit.mode,
            **json.loads(about.as_json()),
            "check": asdict(check),
        }
        write_json(folder / REPORT, found_out)
        if place.exists():
            os.replace(place, Path(scratch) / "former")
        os.replace(folder, place)
    return Exported(place, form.file, form.lines, check)


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Holds back what converters print, in Python and in C++; what goes wrong they raise."""
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    kept = {number: os.dup(number) for number in (1, 2)}
    with tempfile.TemporaryFile() as held, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for number in kept:
            os.dup2(held.fileno(), number)
        try:
            yield
        finally:
            for stream in (sys.stdout, sys.stderr):
                stream.flush()
            for number, former in kept.items():
                os.dup2(former, number)
                os.close(former)


def _check_place(place: Path) -> None:
    if place.exists() and not (place / REPORT).is_file():
        raise UserError(f"--out {place}: is there, and no export: choose another name")


def _provenance(run: Run | None, data: ImageData) -> dict[str, str]:
    known = {"data": data.name, "kerascnn": __version__}
    if run is not None:
        known |= {"run": run.id, "name": run.name, "data_fingerprint": run.tags[FINGERPRINT]}
        if "git_commit" in run.tags:
            known["git_commit"] = run.tags["git_commit"]
    return known | {"exported": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")}


def _training_images(data: ImageData) -> Iterator[np.ndarray]:
    """Yields some images of the training split, as stored, uint8 RGB (h, w, 3)."""
    split = data.splits["train"]
    draws = np.random.default_rng(0)
    rows = np.sort(draws.choice(split.size, min(split.size, _CALIBRATION), replace=False))
    for image in read_rgb(data.name, split.images.part(rows).identities()):
        if image is not None:
            yield image


def _inexpressible(form: Format, model: keras.Model, error: Exception) -> str:
    """Returns which layers a converter's error is about, by the operations that it names."""
    text = str(error)
    signature = tf.TensorSpec((None, None, None, 3), tf.uint8, name=model.input.name)
    graph = tf.function(model).get_concrete_function(signature).graph
    layers = {layer.name: layer for layer in layers_of(model)}
    named: dict[str, str] = {}
    for operation in graph.get_operations():
        if re.search(rf"\b{operation.type}\b", text) and operation.type not in (
            "Const",
            "Identity",
        ):
            # The layer's name, or that with a number, is a part of the operation's.
            parts = operation.name.split("/")
            for part in reversed(parts):
                layer = layers.get(part) or layers.get(re.sub(r"_\d+$", "", part))
                if layer is not None:
                    named.setdefault(layer.name, type(layer).__name__)
                    break
    if named:
        which = ", ".join(f"{name} ({kind})" for name, kind in named.items())
        return f"format {form.name} cannot express {which}"
    reason = next(iter(text.strip().splitlines()), type(error).__name__)
    return f"format {form.name} cannot express this network: {reason[:300]}"


def _checked(
    form: Format,
    path: Path,
    saved: SavedModel,
    model: keras.Model,
    data: ImageData,
    checking: Callable[[int], Callable[[int], None]],
) -> Check:
    # A last network after cross-validation has no validation images of its own.
    split = next(
        data.splits[name]
        for name in ("validation", "train")
        if name in data.splits and data.splits[name].size
    )
    network = next(layer for layer in model.layers if isinstance(layer, keras.Model))
    logits = predict_logits(network, data, split.name, saved.recipe.augment.test_time)
    original = expit(logits) if saved.thresholds is not None else softmax(logits, axis=1)
    said, seconds = answers(form, path, data.name, split.images.identities(), checking(split.size))
    agreement, difference, accuracy, before = compare(
        said, original, split.labels, saved.thresholds
    )
    size = (
        folder_size(path)
        if path.is_dir()
        else sum(file.stat().st_size for file in path.parent.iterdir())
    )
    median = float(np.median(seconds)) * 1000
    return Check(split.name, split.size, agreement, difference, accuracy, before, size, median)


def _judge(form: Format, check: Check, most_lost: float) -> None:
    """Raises UserError where a file disagrees with its model by more than it may."""
    if form.lossy:
        lost = 100 * (check.original.value - check.accuracy.value)
        if lost > most_lost:
            raise UserError(
                f"format {form.name}: {check.accuracy.value:.2%} of {check.count:,} "
                f"{check.split} images are right, of the model {check.original.value:.2%}: "
                f"{lost:.2f} points are lost, of the {most_lost:g} that may be (--most-lost): "
                "nothing is kept"
            )
    elif check.agreement < AGREEMENT:
        raise UserError(
            f"format {form.name}: agrees with the model on {check.agreement:.2%} of "
            f"{check.count:,} {check.split} images, must on {AGREEMENT:.1%}; the largest "
            f"difference of a probability is {check.difference:.2g}: nothing is kept"
        )
