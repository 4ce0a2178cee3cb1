"""What can be told of a few images by the features that a trained network has of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from kerascnn import tracking
from kerascnn.backend import keras
from kerascnn.data.dataset import ImageData
from kerascnn.data.inventory import progress
from kerascnn.data.loading import load
from kerascnn.data.spec import DataSpec
from kerascnn.errors import UserError
from kerascnn.evaluation.probes import (
    CurvePoint,
    Labelled,
    Method,
    Probe,
    points_of_curve,
    probe,
    steps_of_curve,
)
from kerascnn.hardware import default_device
from kerascnn.inspection.kept_features import split_features
from kerascnn.kernels.table import plain, quicken
from kerascnn.models.kerashub import is_preset
from kerascnn.models.spec import ModelSpec, entry_of
from kerascnn.models.weights.published import IMAGENET, PRESET
from kerascnn.recipe import Recipe
from kerascnn.run_model import data_of, load_model
from kerascnn.serving.archive import SavedModel
from kerascnn.starting_weights import settle_weights, weights_of
from kerascnn.tracking import Run
from kerascnn.training.session import assemble
from kerascnn.training.spec import TrainSpec

_SPLITS = ("train", "validation", "test")


@dataclass(frozen=True)
class Probed:
    """A simple classifier on a network's features of a data set.

    Attributes:
        data: The data set.
        features: How many numbers the network has for an image.
        probe: The classifier, scored.
    """

    data: ImageData
    features: int
    probe: Probe


@dataclass(frozen=True)
class Curve:
    """What a simple classifier reaches on a network's features with more and more images.

    Attributes:
        data: The data set.
        method: "linear" or "knn".
        points: The fewest images first.
    """

    data: ImageData
    method: Method
    points: tuple[CurvePoint, ...]


def linear_probe(source: Run | str | Path, data: str | None = None) -> Probed:
    """Trains a logistic regression on a network's features; the network stays as it is.

    Args:
        source: A run, what `load_run` takes, the path of a model.keras file, or the name of a
            network that has ImageNet's weights, such as "keras:MobileNetV2".
        data: Name of a data set, with classes of its own; None for that of the run.

    Raises:
        UserError: For an unknown run, or data that cannot be read.
    """
    return _probed("linear", source, data)


def knn(source: Run | str | Path, data: str | None = None) -> Probed:
    """Answers with the classes of the nearest training images, by a network's features.

    Args:
        source: As for `linear_probe`.
        data: As for `linear_probe`.

    Raises:
        UserError: As `linear_probe`.
    """
    return _probed("knn", source, data)


def learning_curve(
    source: Run | str | Path, data: str | None = None, *, method: Method = "linear", draws: int = 3
) -> Curve:
    """Returns the accuracy against the number of training images, on a network's features.

    Args:
        source: As for `linear_probe`.
        data: As for `linear_probe`.
        method: "linear" or "knn".
        draws: How often the images of each number are drawn anew.

    Raises:
        UserError: As `linear_probe`.
    """
    return learning_curves(source, data, methods=[method], draws=draws)[method]


def learning_curves(
    source: Run | str | Path, data: str | None, *, methods: Sequence[Method], draws: int
) -> dict[Method, Curve]:
    """Returns the curve of each method, on features that are read once; see `learning_curve`."""
    loaded, splits = _features(source, data)
    steps = steps_of_curve(splits["train"].labels, draws) * len(methods)
    curves = {}
    with progress("training classifiers", steps) as advance:
        for method in methods:
            points = points_of_curve(method, splits, draws=draws, advance=advance)
            curves[method] = Curve(loaded, method, tuple(points))
    return curves


def _probed(method: Method, source: Run | str | Path, data: str | None) -> Probed:
    loaded, splits = _features(source, data)
    return Probed(loaded, splits["train"].values.shape[1], probe(method, splits))


def _features(source: Run | str | Path, name: str | None) -> tuple[ImageData, dict[str, Labelled]]:
    """Returns a data set, and a network's features of each of its splits."""
    if not isinstance(source, Run) and tracking.names_network(str(source)):
        model, data = _pretrained(str(source), name)
    else:
        saved = load_model(source)
        model, data = saved.model, _data(source, saved, name)
    total = sum(data.splits[split].size for split in _SPLITS)
    with progress("computing features", total) as advance:
        return data, {split: _labelled(model, data, split, advance) for split in _SPLITS}


def _pretrained(network: str, data: str | None) -> tuple[keras.Model, ImageData]:
    """Returns a network with ImageNet's weights, and data in the size that they were trained on."""
    if data is None:
        raise UserError(f"{network} with ImageNet's weights has no data of its own: name some")
    height, width, _ = entry_of(network).input_shape
    recipe = Recipe(
        model=ModelSpec(name=network),
        data=DataSpec(name=data, image_size=(height, width), colour="rgb"),
        training=TrainSpec(initialize=PRESET if is_preset(network) else IMAGENET),
    )
    session = assemble(settle_weights(recipe), weights_of=weights_of)
    return plain(session.network), session.data


def _labelled(
    model: keras.Model, data: ImageData, split: str, advance: Callable[[int], None]
) -> Labelled:
    values = split_features(
        model,
        data,
        split,
        quick=lambda model: quicken(model, default_device()),
        advance=advance,
    )
    return Labelled(values, data.splits[split].labels)


def _data(source: Run | str | Path, saved: SavedModel, name: str | None) -> ImageData:
    """Loads the data to be told apart, in the size that the network takes."""
    if name is None and saved.recipe.data.labels == "several":
        raise UserError(
            "classifiers on features are of one label an image, and this network's data has "
            "several: name other data"
        )
    if name is None:
        return data_of(source) if isinstance(source, Run) else load(saved.recipe.data)
    spec = DataSpec(name=name, resize=saved.recipe.data.resize)
    return load(spec.in_shape(saved.model.input_shape[1:]))
