"""The weights that `training.initialize` names: ImageNet's, a preset's, a file's, or a run's."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from kerascnn import tracking
from kerascnn.errors import UserError, closest, unknown
from kerascnn.files import check_regular, outside, status
from kerascnn.models.backbones import is_backbone
from kerascnn.models.kerashub import is_preset, preset_folder, preset_weights
from kerascnn.models.weights.keras_cache import fetched
from kerascnn.models.weights.published import (
    IMAGENET,
    PRESET,
    SENSE,
    Published,
    of_layers,
    published,
)
from kerascnn.models.weights.weights_file import (
    LARGEST,
    is_weights_file,
    layer_names,
    read_layers,
)
from kerascnn.recipe import Recipe, load_recipe, names_recipe, recipe_values
from kerascnn.serving.members import stored_about, stored_input_shape
from kerascnn.training.initialization import StartingWeights

_WHAT = "imagenet, a .keras or .weights.h5 file, a run, or preset with a network of KerasHub"


def settle_weights(recipe: Recipe) -> Recipe:
    """Gives a recipe what the weights need that it starts from, without importing TensorFlow.

    Args:
        recipe: As given.

    Returns:
        The recipe with the normalization of the pixels, and the padding and stride, that the
        weights were trained with, where it has the network's usual ones.

    Raises:
        UserError: If there are no such weights, or it has chosen what they were not trained with.
    """
    source = recipe.training.initialize
    if is_preset(recipe.model.name):
        preset_folder(recipe.model.name, weights=source == PRESET)  # before anything is built
    elif source == PRESET:
        raise UserError(
            "training.initialize: preset is what a preset of KerasHub comes with, "
            f"{recipe.model.name} is none: name one, as kerashub:resnet_50_imagenet"
        )
    if source in (None, PRESET):
        return recipe
    if source == IMAGENET:
        return recipe.suiting(published(recipe.model.name).options, "ImageNet")
    trained = _recipe_of(source)
    if trained is None:
        theirs = _theirs(recipe, layer_names(outside(source)))
        return recipe if theirs is None else recipe.suiting(theirs.options, source)
    fields = type(recipe.model).model_fields
    ours, options = recipe.model.options, trained.model.options
    needed = {
        name: options[name]
        for name in SENSE
        if name in options and name in fields and ours[name] == fields[name].default
    }
    return recipe.suiting(needed, source)


def load_recipe_for_weights(
    source: Recipe | str | Path | Mapping[str, Any],
    settings: Iterable[str] = (),
    *,
    data: str | None = None,
    model: str | None = None,
    **fields: Any,
) -> Recipe:
    """Reads a recipe as `load_recipe` does, with the network that its weights are of.

    A recipe that starts from weights has a network for these. Where it is given those of a run, or
    of a model file of ours, and no network, it gets that run's, and the size of its images.

    Args:
        source: As for `load_recipe`.
        settings: As for `load_recipe`.
        data: As for `load_recipe`.
        model: As for `load_recipe`.
        **fields: As for `load_recipe`; `weights` is read.

    Raises:
        UserError: As `load_recipe`, or if there are no such weights.
    """
    weights = fields.get("weights") or fields.get("init")
    if model is None and weights not in (None, IMAGENET) and names_recipe(source):
        assert isinstance(source, str | Path)
        training = recipe_values(source).get("training")
        starts = isinstance(training, Mapping) and training.get("initialize") is not None
        trained = _recipe_of(weights) if starts else None
        if trained is not None:
            own = _shape_settings(weights, trained, fields.get("image_size"))
            network = trained.model.model_dump(mode="json")
            return load_recipe(source, [*own, *settings], data=data, model=network, **fields)
    return load_recipe(source, settings, data=data, model=model, **fields)


def _shape_settings(weights: str, trained: Recipe, image_size: object) -> list[str]:
    """Returns what brings images to the shape that a network has been trained on."""
    shape = stored_input_shape(_model_file(weights))
    if shape is None:
        return []
    height, width, channels = shape
    settings = [
        f"data.colour={'grey' if channels == 1 else 'rgb'}",
        f"data.resize={trained.data.resize}",
    ]
    if image_size is None:
        settings.append(f"data.image_size=[{height}, {width}]")
    return settings


def _model_file(source: str) -> Path:
    if is_weights_file(source):
        return outside(source)
    return tracking.load_run(source).artifact("model.keras")


def _recipe_of(source: str) -> Recipe | None:
    """Returns the recipe of a run, or of a model file of ours; None for other files."""
    if is_weights_file(source):
        path = outside(source)
        check_regular(path, LARGEST)
        about = stored_about(path) if path.suffix == ".keras" else None
        return None if about is None else Recipe(**about["recipe"])
    if status(source) is not None:
        raise UserError(f"training.initialize: got '{source}', must be {_WHAT}")
    try:
        run = tracking.load_run(source)
    except UserError:
        if closest(source, [IMAGENET]):
            raise unknown("weights", source, [IMAGENET]) from None
        raise
    run.artifact("model.keras")
    return run.recipe


def _theirs(recipe: Recipe, names: list[str]) -> Published | None:
    """Returns whose weights layers are that are to be converted; None where they stay."""
    kept = is_backbone(recipe.model.name) or is_preset(recipe.model.name)
    return None if kept else of_layers(names)


def weights_of(
    recipe: Recipe,
    image_shape: tuple[int, int, int],
    classes: int,
    report: Callable[[str], None],
) -> StartingWeights:
    """Loads the weights that a settled recipe names.

    Args:
        recipe: From `settle_weights`.
        image_shape: (H, W, C) of its images.
        classes: Number of classes.
        report: Called with each line for the user.

    Raises:
        UserError: If they are not there, cannot be downloaded, or are damaged.
    """
    source = recipe.training.initialize
    assert source is not None
    if source == PRESET:
        return StartingWeights(recipe.model.name, preset_weights(recipe.model.name))
    if source == IMAGENET:
        found = published(recipe.model.name)
        path = fetched(found.files(image_shape, classes), report)
        try:
            return StartingWeights("ImageNet", found.layers(path))
        except UserError as error:
            raise UserError(f"{error}; without it, it is downloaded anew") from None
    if _recipe_of(source) is None:
        layers = read_layers(outside(source))
        theirs = _theirs(recipe, list(layers))
        convert = None if theirs is None else theirs.convert
        return StartingWeights(source, convert(layers) if convert else layers)
    from kerascnn.run_model import load_model

    return StartingWeights.of(load_model(source).model, source)
