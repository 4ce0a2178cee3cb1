"""Presets of KerasHub by name, `kerashub:NAME`, with their preprocessing inside.

KerasHub is an extra. What is listed here, in kerashub.csv, is known without it: those of its
convolutional backbones that consist of Keras's own layers. Networks made of them are analysed,
drawn, saved and loaded as all others are; a saved one needs no KerasHub.
"""

from __future__ import annotations

import csv
import importlib.util
import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kerascnn.backend import import_quietly, keras
from kerascnn.errors import UserError, unknown
from kerascnn.files import UnreadableError, outside, read_regular
from kerascnn.models.backbones import name_layers
from kerascnn.models.registry import ModelEntry

if TYPE_CHECKING:
    import numpy as np

PREFIX = "kerashub:"
FAMILY = "kerashub"

_CONFIG, _CONVERTER, _WEIGHTS = "config.json", "image_converter.json", "model.weights.h5"
_CLASSES = ("ResNet", "VGG", "DenseNet", "Xception", "CSPNet")  # before "Backbone"
_MOST_CONFIG = 2**24  # bytes
_INSTALL = "pip install 'kerascnn[kerashub]'"


@dataclass(frozen=True)
class Preset:
    """A preset that KerasHub publishes.

    Attributes:
        name: Its name there.
        year: Of the paper.
        paper: Authors and title, short.
        side: Of the square images that it was trained on.
        parameters: Of its backbone, without the last layer.
        handle: Where it is published, on Kaggle.
    """

    name: str
    year: int
    paper: str
    side: int
    parameters: int
    handle: str


@cache
def presets() -> dict[str, Preset]:
    """Returns the published presets by name."""
    with Path(__file__).with_suffix(".csv").open(encoding="utf-8", newline="") as file:
        return {
            row["name"]: Preset(
                row["name"],
                int(row["year"]),
                row["paper"],
                int(row["side"]),
                int(row["parameters"]),
                row["handle"],
            )
            for row in csv.DictReader(file)
        }


def is_preset(name: str) -> bool:
    """Whether a name is kerashub:NAME or kerashub:FOLDER."""
    return name.startswith(PREFIX)


def is_preset_folder(name: str) -> bool:
    """Whether a name is kerashub:FOLDER, of a preset of one's own: it has a slash."""
    return is_preset(name) and "/" in name


def preset_names() -> list[str]:
    """Returns every name but those of folders."""
    return [f"{PREFIX}{name}" for name in presets()]


@cache
def preset_entry(name: str) -> ModelEntry:
    """Returns the network of kerashub:NAME as registered networks are; nothing is read.

    Raises:
        UserError: If there is no such preset; names the closest ones.
    """

    def build(x: keras.KerasTensor, classes: int) -> keras.KerasTensor:
        return _apply(name, x, classes)

    if is_preset_folder(name):
        folder = Path(name.removeprefix(PREFIX))
        return _entry(name, build, Preset(name, 0, f"preset of KerasHub, {folder}", 224, 0, ""))
    if name not in preset_names():
        raise unknown("model", name, preset_names(), hint="'kerascnn models' lists them")
    return _entry(name, build, presets()[name.removeprefix(PREFIX)])


def _entry(name: str, build: Callable[..., Any], preset: Preset) -> ModelEntry:
    shape = (preset.side, preset.side, 3)
    return ModelEntry(
        name, build, FAMILY, preset.year, preset.paper, shape, 1000, normalization="none"
    )


def check_preset(name: str) -> None:
    """Refuses a preset that cannot be had here, before anything is downloaded or imported.

    Raises:
        UserError: If KerasHub is not installed, or a folder has no preset that can be taken.
    """
    if is_preset_folder(name):
        _check_folder(name)
    else:
        preset_entry(name)
    if importlib.util.find_spec("keras_hub") is None:
        raise UserError(f"{name}: KerasHub is not installed: {_INSTALL}")


def _check_folder(name: str) -> None:
    path = outside(name.removeprefix(PREFIX)) / _CONFIG
    try:
        kind = json.loads(read_regular(path, _MOST_CONFIG))["class_name"]
    except UnreadableError as error:
        raise UserError(
            f"model {error}; {PREFIX}FOLDER is what save_to_preset of a KerasHub backbone wrote"
        ) from None
    except (ValueError, KeyError, TypeError):
        raise UserError(f"model {path}: not of a preset of KerasHub") from None
    if str(kind).removesuffix("Backbone") not in _CLASSES:
        raise UserError(
            f"{name}: a preset of {kind}: only convolutional ones of Keras's own layers are taken, "
            f"{', '.join(_CLASSES)}"
        )


def preset_folder(name: str, *, weights: bool) -> Path:
    """Returns the folder of a preset, which is downloaded to KerasHub's cache where it is not.

    Args:
        name: kerashub:NAME or kerashub:FOLDER.
        weights: Whether its weights are wanted, too.

    Raises:
        UserError: If KerasHub is not installed, or there is no such preset or it cannot be
            downloaded.
    """
    check_preset(name)
    if is_preset_folder(name):
        folder = outside(name.removeprefix(PREFIX))
        if weights and not (folder / _WEIGHTS).exists():
            raise UserError(f"training.initialize: {name}: the folder has no {_WEIGHTS}")
        return folder
    import kagglehub

    handle = presets()[name.removeprefix(PREFIX)].handle
    wanted = (_CONFIG, _CONVERTER, *([_WEIGHTS] if weights else []))
    try:
        (path, *_) = [Path(kagglehub.model_download(handle, file)) for file in wanted]
    except Exception as error:  # it raises whatever the network or the server leads to
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        if "ConnectionPool(" in reason:  # three errors within each other, by requests
            reason = "api.kaggle.com does not answer"
        raise UserError(
            f"{name}: {handle} of Kaggle cannot be downloaded ({reason}): do so once where there "
            f"is a network and bring the folder {_cache(handle)} from there, or set "
            "KAGGLEHUB_CACHE to a cache that has it"
        ) from None
    return path.parent


def _cache(handle: str) -> Path:
    """Returns where KerasHub has every version of a preset, or would."""
    home = os.environ.get("KAGGLEHUB_CACHE") or "~/.cache/kagglehub"
    return (Path(home).expanduser() / "models" / handle).parent


def _backbone(
    folder: Path, *, weights: bool, image_shape: tuple[int | None, int | None, int]
) -> keras.Model:
    """Returns a preset's backbone, its layers named the same in every process."""
    import_quietly()
    import keras_hub

    model = keras_hub.models.Backbone.from_preset(
        str(folder), load_weights=weights, image_shape=image_shape
    )
    name_layers(model)
    return model


def _apply(name: str, x: keras.KerasTensor, classes: int) -> keras.KerasTensor:
    """Builds a preset's network on raw pixels, its last layer new: (B, classes)."""
    height, width, channels = x.shape[1:]
    if channels != 3:
        raise UserError(
            f"{name}: takes three channels, got {channels}: data.colour=rgb repeats grey images"
        )
    folder = preset_folder(name, weights=False)
    try:
        backbone = _backbone(folder, weights=False, image_shape=(height, width, channels))
    except (ValueError, TypeError) as error:
        reason = str(error).strip().splitlines()[0]
        raise UserError(f"{name}: cannot be built for {height}x{width}: {reason}") from None
    x = _preprocess(folder, x)
    graph = keras.Function(backbone.inputs, backbone.outputs)
    # Its layers, on our input alone: one that is called twice has no single output.
    for operation in backbone.operations:
        operation._inbound_nodes.clear()
        operation._outbound_nodes.clear()
    (x,) = graph.call([x])
    x = keras.layers.GlobalAveragePooling2D(name="avg_pool")(x)
    return keras.layers.Dense(classes, name="predictions")(x)


def _preprocess(folder: Path, x: keras.KerasTensor) -> keras.KerasTensor:
    """Scales pixels as a preset's own image converter does; their size is the data's."""
    if not (folder / _CONVERTER).exists():
        return x
    import keras_hub

    converter = keras_hub.layers.ImageConverter.from_preset(str(folder))
    if converter.scale is None and converter.offset is None:
        return x
    scale, offset = (
        value.tolist() if hasattr(value, "tolist") else value
        for value in (converter.scale, converter.offset)
    )
    return keras.layers.Rescaling(
        1.0 if scale is None else scale,
        offset=0.0 if offset is None else offset,
        name="preprocessing",
    )(x)


def preset_weights(name: str) -> dict[str, list[np.ndarray]]:
    """Reads the weights of a preset's backbone, by the name of the layer in our network.

    Raises:
        UserError: If they cannot be downloaded, or are damaged.
    """
    folder = preset_folder(name, weights=True)
    try:
        model = _backbone(folder, weights=True, image_shape=(None, None, 3))
    except (OSError, ValueError, KeyError, RuntimeError) as error:
        reason = str(error).strip().splitlines()[0]
        raise UserError(
            f"training.initialize: {folder / _WEIGHTS}: damaged, or of another network ({reason})"
        ) from None
    return {layer.name: layer.get_weights() for layer in model.layers if layer.weights}
