"""A run as the tracking code stores it, of made-up answers on made-up pictures.

Its network is written by hand, without TensorFlow, which a report does not need either.
"""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Sequence
from pathlib import Path

import h5py
import numpy as np
from PIL import Image

from kerascnn import tracking
from kerascnn.evaluation.measures import wilson
from kerascnn.evaluation.predictions import Predictions, file_of, from_logits, write_predictions
from kerascnn.recipe import load_recipe
from kerascnn.report.network import LAYERS_FILE
from kerascnn.tracking import Run

MOST_BYTES = 1_500_000  # of a page without its pictures

# What a class may be called where classes are the words of a CSV file.
HOSTILE = (
    "</script><script>window.broken = 1</script>",
    "<img src=x onerror='window.broken = 2'>",
    "<!-- a & b",
    "two \"quoted\" 'words'",
    "\u202egnp.exe",
    "__proto__",
    "a name that is rather longer than any column of a table would like it to be",
    "10",
    "9",
    "{{ 7 * 7 }}",
)


def made_up(
    classes: Sequence[str], examples: Sequence[str], *, data: str, share: float
) -> Predictions:
    """Answers of which a share is wrong, most of them a class taken for the next one."""
    random = np.random.default_rng(1)
    count, size = len(classes), len(examples)
    labels = np.arange(size) % count
    answers = labels.copy()
    wrong = random.permutation(size)[: round(share * size)]
    answers[wrong] = (labels[wrong] + random.choice([1, 1, 1, 2], len(wrong))) % count
    logits = random.normal(0, 0.4, (size, count))
    logits[np.arange(size), answers] += random.uniform(2, 6, size)
    return from_logits(
        logits,
        labels,
        classes,
        examples=examples,
        dimensions=np.full((size, 2), (24, 32)),
        data=data,
        fingerprint="0123456789abcdef",
        split="test",
    )


def write_model(path: Path, kernel: np.ndarray, *, image: tuple[int, int, int]) -> None:
    """Writes what a report reads of a model.keras file.

    Args:
        path: Of the file.
        kernel: Of its one layer "first": (H, W, C, filters) or (pixels, units).
        image: (H, W, C).
    """
    kind = "Conv2D" if kernel.ndim == 4 else "Dense"
    layers = [
        {"class_name": "InputLayer", "config": {"name": "images", "batch_shape": [None, *image]}},
        {"class_name": "Normalization", "config": {"name": "pixels"}},
        {"class_name": kind, "config": {"name": "first"}},
    ]
    content = io.BytesIO()
    with h5py.File(content, "w") as file:
        for group, name, weights in (
            ("normalization", "pixels", np.zeros(image[-1])),
            (kind.lower(), "first", kernel),
        ):
            variables = file.create_group(f"layers/{group}/vars")
            variables.attrs["name"] = name
            variables["0"] = weights
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("config.json", json.dumps({"config": {"layers": layers}}))
        archive.writestr("model.weights.h5", content.getvalue())


def _layers(classes: int) -> str:
    """The table of a linear network on 8x8 images in colour."""
    rows = [
        {"layer": "images", "what": "input", "then": ["normalization"], "output": [8, 8, 3],
         "bytes": 768, "weights": 0, "biases": 0, "MACs": 0, "field": 1},
        {"layer": "first", "what": "fc", "then": [], "output": [classes], "bytes": 4 * classes,
         "weights": 192 * classes, "biases": classes, "MACs": 192 * classes, "field": 8},
    ]  # fmt: skip
    totals = {"parameters": 193 * classes, "MACs": 192 * classes}
    return json.dumps({"layers": rows, "totals": totals})


def store_run(
    place: Path,
    name: str = "hostile",
    classes: Sequence[str] = HOSTILE,
    size: int = 120,
    share: float = 0.2,
) -> Run:
    """Stores a finished run in the store of the working directory, and its pictures in `place`.

    The worst of its answers is one to a picture that is not there any more.
    """
    random = np.random.default_rng(0)
    names = [f"{i}.png" for i in range(size)]
    names[0] = "<b onclick='window.broken = 3'>0.png"
    data = f"csv:{place / 'table.csv'}"
    predictions = made_up(classes, names, data=data, share=share)
    for row in set(range(size)) - {int(predictions.losses.argmax())}:
        pixels = random.integers(0, 256, (24, 32, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(place / names[row])
    recipe = load_recipe({"model": {"name": "linear"}, "data": {"name": data}}, seed=7)
    recipe = recipe.with_training(batch_size=8)
    history = {
        "loss": [2.0, 1.2, 0.9],
        "val_loss": [2.1, 1.4, 1.1],
        "accuracy": [0.2, 0.6, 0.8],
        "val_accuracy": [0.25, 0.55, 0.75],
    }
    with tracking.start_run(recipe, name, {}, {"parameters": 1930}) as active:
        for epoch in range(3):
            active.log_epoch({key: values[epoch] for key, values in history.items()}, epoch)
        accuracy = wilson(int(predictions.correct.sum()), size)
        figures = {
            "test_accuracy": accuracy.value,
            "test_accuracy_low": accuracy.low,
            "test_accuracy_high": accuracy.high,
            "train_seconds": 1.5,
        }
        active.log_metrics(figures, step=3)
        folder = place / f"artifacts of {name}"
        folder.mkdir()
        write_predictions(predictions, folder / file_of("test"))
        (folder / LAYERS_FILE).write_text(_layers(len(classes)), encoding="utf-8")
        kernel = random.normal(size=(192, len(classes)))
        write_model(folder / "model.keras", kernel, image=(8, 8, 3))
        active.log_files(folder)
    return tracking.load_run(active.id)
