"""A run's network for a report: its layers, and the filters that look at the image."""

from __future__ import annotations

import contextlib
import io
import json
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from kerascnn.arithmetic.table import memory
from kerascnn.errors import UserError
from kerascnn.files import read_regular
from kerascnn.report.thumbnails import filter_uri
from kerascnn.serving.members import WEIGHTS, opened_archive, stored_weights
from kerascnn.text import shown
from kerascnn.tracking import Run

LAYERS_FILE = "layers.json"  # the artifact, from `kerascnn.arithmetic.table.as_json`
MOST_FILTERS = 96
_MODEL, _CONFIG = "model.keras", "config.json"
_MOST_JSON = 2**24  # bytes
_SMALLEST, _LARGEST = 3, 64  # pixels along a side of a filter that is shown


@dataclass(frozen=True)
class Filters:
    """The filters of the first layer that has weights.

    Attributes:
        layer: Its name.
        shape: Of one filter, (height, width, channels).
        count: How many there are.
        pictures: Addresses of the first MOST_FILTERS.
    """

    layer: str
    shape: tuple[int, int, int]
    count: int
    pictures: list[str]


def layers_of(run: Run) -> dict[str, Any]:
    """Returns the table of a run's network, as `kerascnn.arithmetic.table.as_json` has it.

    From the run's own file; for one that was trained before there was such a file, from its recipe,
    for which TensorFlow is imported.

    Raises:
        UserError: If the run has neither, or the file is damaged.
    """
    if run.has(LAYERS_FILE):
        path = run.artifact(LAYERS_FILE)
        content = read_regular(path, _MOST_JSON)
        try:
            table: dict[str, Any] = json.loads(content)
        except ValueError:
            raise UserError(f"{path}: is damaged") from None
        return table
    with _read(run.artifact(_MODEL)) as (config, _):
        shape = _image_shape(config)

    from kerascnn.arithmetic import analyze
    from kerascnn.arithmetic.table import as_json
    from kerascnn.models.build import build_model

    classes = len(run.predictions().classes)
    model = build_model(run.recipe.model, input_shape=shape, classes=classes, abstract=True)
    size = run.recipe.training.batch_size
    text = as_json(analyze(model), size if isinstance(size, int) else 1)
    return dict(json.loads(text))


def first_filters(run: Run) -> Filters | None:
    """Reads the filters that look at the image, without TensorFlow.

    Those of a convolution, or the weights of a fully connected layer as images; None where there
    are none that can be shown: of another number of channels than 1 or 3, or of single pixels.

    Raises:
        UserError: If the run has no model, or its file is damaged.
    """
    path = run.artifact(_MODEL)
    with _read(path) as (config, archive):
        content = archive.read(WEIGHTS)
        stored_weights(content)
        found = _first_weights(config, content)
    if found is None:
        return None
    layer, count, weights = found
    height, width, channels, _ = weights.shape
    fits = all(_SMALLEST <= side <= _LARGEST for side in (height, width))
    if channels not in (1, 3) or not fits:
        return None
    pictures = [filter_uri(weights[..., i]) for i in range(weights.shape[-1])]
    return Filters(shown(layer), (height, width, channels), count, pictures)


@contextlib.contextmanager
def _read(path: Path) -> Iterator[tuple[dict[str, Any], zipfile.ZipFile]]:
    """Opens a model file, and reads what its network is made of."""
    try:
        with opened_archive(path) as archive:
            yield json.loads(archive.read(_CONFIG)), archive
    except UserError:
        raise
    except Exception:  # zipfile, json and h5py raise whatever the damage leads to
        raise UserError(f"{path}: damaged, or not a .keras file") from None


def _image_shape(config: dict[str, Any]) -> tuple[int, int, int]:
    for layer in config["config"]["layers"]:
        if layer["class_name"] == "InputLayer":
            _, height, width, channels = layer["config"]["batch_shape"]
            return int(height), int(width), int(channels)
    raise ValueError("has no input")


def _first_weights(config: dict[str, Any], content: bytes) -> tuple[str, int, np.ndarray] | None:
    """Returns the first layer that has a kernel: name, filters, and (H, W, C, some of them)."""
    import h5py

    image = _image_shape(config)
    with h5py.File(io.BytesIO(content), "r") as file:
        groups = dict(_named_layers(file))
        for layer in config["config"]["layers"]:
            name = layer["config"]["name"]
            if layer["class_name"] in ("Normalization", "BatchNormalization"):
                continue
            first = groups[name].get("0") if name in groups else None
            if not isinstance(first, h5py.Dataset):
                continue
            if first.ndim == 4:
                return name, first.shape[-1], np.asarray(first[..., :MOST_FILTERS], np.float32)
            if first.ndim == 2 and first.shape[0] == np.prod(image):
                weights = np.asarray(first[:, :MOST_FILTERS], np.float32)
                return name, first.shape[-1], weights.reshape(*image, -1)
            return None
    return None


def _named_layers(file: Any) -> Iterator[tuple[str, Any]]:
    """Yields the weights of each layer under the name that the network has for it."""
    for group in file.get("layers", {}).values():
        variables = group.get("vars")
        if variables is not None and "name" in variables.attrs:
            yield str(variables.attrs["name"]), variables


def layer_rows(table: dict[str, Any]) -> list[dict[str, Any]]:
    """Returns the rows of a table of layers as a page shows them."""
    return [
        {
            "layer": shown(row["layer"]),
            "what": shown(row["what"]),
            "then": ", ".join(map(shown, row["then"])),
            "output": " × ".join(map(str, row["output"])),
            "outputs": int(np.prod(row["output"])),
            "memory": memory(row["bytes"]),
            "bytes": row["bytes"],
            "parameters": row["weights"] + row["biases"],
            "macs": row["MACs"],
            "field": row["field"],
        }
        for row in table["layers"]
    ]
