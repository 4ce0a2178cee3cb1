"""Models on disk: one `.keras` file that also remembers its classes and its recipe."""

from __future__ import annotations

import json
import math
import zipfile
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kerascnn import layers
from kerascnn.backend import keras
from kerascnn.errors import UserError
from kerascnn.files import written_whole
from kerascnn.hardware import computes_quickly
from kerascnn.kernels.table import plain
from kerascnn.models.abstract import without_weights
from kerascnn.models.build import main_head
from kerascnn.recipe import Recipe
from kerascnn.serving.members import (
    ABOUT,
    WEIGHTS,
    check_weights,
    opened_archive,
    stored_weights,
)
from kerascnn.serving.upgrade import OLD_NAMES, upgrade
from kerascnn.version import __version__

# Of the file. 1, which did not say so: fast layers of ours in the place of Keras's.
FORMAT = 2
_CONFIG = "config.json"
_SAFE_MODULES = ("keras", "kerascnn")


@dataclass(frozen=True)
class SavedModel:
    """A model with what is needed to use it on new images.

    Attributes:
        model: From uint8 images (B, H, W, C) to logits (B, classes).
        classes: Names, in the order of the logits.
        recipe: How it was trained.
        thresholds: Where an image may have several labels, the probability from which on each is
            given, in the order of the classes; None where an image has one.
    """

    model: keras.Model
    classes: tuple[str, ...]
    recipe: Recipe
    thresholds: tuple[float, ...] | None = None


def save_model(saved: SavedModel, path: Path) -> None:
    """Writes a model with its classes and recipe; an interruption leaves no half file.

    Optimizer state is left out, as `main_head` does: a checkpoint is for going on, this file is for
    using. Layers become Keras's own again, so that Keras alone can load a network made of those.
    """
    about = {
        "format": FORMAT,
        "kerascnn": __version__,
        "classes": list(saved.classes),
        "recipe": saved.recipe.model_dump(mode="json"),
    }
    if saved.thresholds is not None:
        about["thresholds"] = list(saved.thresholds)
    with written_whole(path) as unfinished:
        plain(main_head(saved.model)).save(unfinished)
        with zipfile.ZipFile(unfinished, "a") as archive:
            archive.writestr(ABOUT, json.dumps(about))


def _check_modules(config: Any, path: Path, safe: Collection[str]) -> None:
    """Refuses a config that names other code than that of some modules, before it is imported."""
    if isinstance(config, dict):
        if "class_name" in config:
            module = config.get("module")
            # Keras looks a function up among its own and the registered ones, such as ours.
            function = (module, config["class_name"]) == ("builtins", "function")
            known = function or str(module).split(".")[0] in safe
            if module is not None and not known:
                raise UserError(
                    f"{path}: names code of '{module}', which is neither Keras's nor kerascnn's: "
                    "not loaded"
                )
            if config["class_name"] in ("Lambda", "__lambda__"):
                raise UserError(f"{path}: holds a Lambda, which runs code on loading: not loaded")
        for value in config.values():
            _check_modules(value, path, safe)
    elif isinstance(config, list):
        for value in config:
            _check_modules(value, path, safe)


def _quick(model: keras.Model) -> keras.Model:
    """Returns the model in float32 where this machine would be slow in what it was trained in."""
    slow = {name for name in _policies(model) if not computes_quickly(name)}
    return _in_float32(model, slow) if slow else model


def in_float32(model: keras.Model) -> keras.Model:
    """Returns the model with all its layers in float32: itself, where they are."""
    others = _policies(model) - {"float32"}
    return _in_float32(model, others) if others else model


def _policies(model: keras.Model) -> set[str]:
    return {layer.dtype_policy.name for layer in model.layers}


def _in_float32(model: keras.Model, policies: Collection[str]) -> keras.Model:
    text = model.to_json()
    for policy in policies:
        text = text.replace(f'"{policy}"', '"float32"')
    other = keras.models.model_from_json(text)
    other.set_weights(model.get_weights())  # they are float32 in any case
    return other


def load_model(path: str | Path, modules: Collection[str] = ()) -> SavedModel:
    """Reads a model written by `save_model`, without running code from the file.

    What was trained in mixed precision is computed in float32 on a machine that has no units for
    it and would take many times longer.

    Args:
        path: The path of the file.
        modules: Names of modules, beside Keras and kerascnn, whose layers the file may name.

    Raises:
        UserError: If the file is missing, damaged, not kerascnn's or of a newer format, names
            foreign code, or promises more than it holds.
    """
    path = Path(path)
    try:
        with opened_archive(path) as archive:
            names = archive.namelist()
            if _CONFIG not in names:
                raise UserError(f"{path}: not a .keras file (it has no {_CONFIG})")
            config = json.loads(archive.read(_CONFIG))
            _check_modules(config, path, (*_SAFE_MODULES, *modules))
            if ABOUT not in names:
                raise UserError(
                    f"{path}: a .keras file, but not one that kerascnn saved (no class names)"
                )
            about = json.loads(archive.read(ABOUT))
            form = about.get("format", 1)
            if form > FORMAT:
                raise UserError(
                    f"{path}: written by kerascnn {about.get('kerascnn')} in format {form}; this "
                    f"is {__version__}, which reads formats up to {FORMAT}: install a newer one"
                )
            weights = archive.read(WEIGHTS)
        recipe, classes = Recipe(**about["recipe"]), tuple(map(str, about["classes"]))
        thresholds = about.get("thresholds")
        if thresholds is not None:
            thresholds = tuple(map(float, thresholds))
            assert len(thresholds) == len(classes)
    except UserError:
        raise
    except Exception:  # zipfile and json raise whatever the damage leads to
        raise UserError(f"{path}: damaged, or not a .keras file") from None
    layers.register()
    try:
        old = OLD_NAMES if form == 1 else None
        stored = stored_weights(weights)
        if not modules:  # one's own layers may not do without weights, and are trusted
            check_weights(_weights_of(config, old), stored)
        del weights
        model = keras.saving.load_model(path, old, compile=False, safe_mode=True)
    except Exception as error:  # Keras raises whatever the damage leads to
        reason = str(error).strip().splitlines() or [type(error).__name__]
        raise UserError(f"{path}: cannot be loaded: {reason[0]}") from error
    return SavedModel(_quick(upgrade(model)), classes, recipe, thresholds)


def _weights_of(config: dict[str, Any], old: dict[str, Any] | None) -> int:
    """Returns how many numbers a network has as weights, without giving memory to any."""
    config = config | {"compile_config": None}
    model = without_weights(
        lambda: keras.saving.deserialize_keras_object(config, old, safe_mode=True)
    )
    return sum(math.prod(weight.shape) for weight in model.variables)
