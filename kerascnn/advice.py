"""What to train a data set with, where nothing is said: choices made from the data, with reasons.

`benchmarks/defaults.py` measures what comes of it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from kerascnn.augment.spec import AugmentSpec
from kerascnn.data.dataset import ImageData
from kerascnn.data.examples import read_images
from kerascnn.data.labels import counts
from kerascnn.data.loading import COMMON_SIZE, load
from kerascnn.data.mirroring import Mirroring, judge_mirroring
from kerascnn.data.spec import DataSpec
from kerascnn.errors import UserError
from kerascnn.models.weights.keras_cache import obtainable
from kerascnn.models.weights.published import IMAGENET, published
from kerascnn.recipe import Recipe, changed_values, load_recipe, recipe_values, with_fields
from kerascnn.starting_weights import load_recipe_for_weights

NETWORK = "airbench"  # from nothing
BACKBONE = "keras:MobileNetV3Large"  # with ImageNet's weights
PHOTOGRAPH = 96  # shorter side from which images count as photographs
SIDE = 48  # of the images that a training from nothing sees at most
SMALLEST = 16  # side of images that the network's maps do not vanish of
FILTERS = (32, 64, 128)
SMALL_RATE = 0.01  # AdamW's, where a network that was trained on small images is trained further
SEEN = 60_000  # images, over all epochs
FEWEST_EPOCHS, MOST_EPOCHS = 10, 100
MANY = 10_000  # training images that allow for large batches and longer trainings
LIMIT, LONG_LIMIT = 120, 600  # seconds of training
UNEVEN = 3  # times as many images in the largest class as in the smallest
_SAMPLE = 1000  # training images that are looked at
_ENDS = ("training.epochs", "training.steps", "training.time_limit")


@dataclass(frozen=True)
class Choice:
    """Values of a recipe's fields, and the reason.

    Attributes:
        values: By dotted name.
        why: In words.
    """

    values: Mapping[str, Any]
    why: str


@dataclass(frozen=True)
class Advice:
    """What is advised for a data set.

    Attributes:
        recipe: To train with.
        data: The data set, on one line.
        choices: What was chosen; nothing that was given.
    """

    recipe: Recipe
    data: str
    choices: tuple[Choice, ...]


def advise(data: str, settings: Iterable[str] = (), **fields: Any) -> Advice:
    """Chooses all that is not given, from the images, their number and classes, and the hardware.

    Args:
        data: Name of the data set.
        settings: What is given, as `load_recipe` takes it.
        **fields: What is given, as `load_recipe` takes it.

    Raises:
        UserError: As `load_recipe`, and for data that cannot be read.
    """
    given = changed_values({"data": {"name": data}}, settings, **fields)
    if _holds(given, "training.continue_from"):
        raise UserError(
            f"training.continue_from: the run has a network and data of its own: leave {data} out, "
            "or name the network too"
        )
    load_recipe(_merged({"model": {"name": NETWORK}}, given))  # what is wrong with it is said first
    found = load(DataSpec(**given["data"]))
    weights = given.get("training", {}).get("initialize") or _weights_at_hand(found)
    choices = []
    for choice in _choices(found) if weights is None else _fine_tuning(found, weights):
        values = {
            field: value for field, value in choice.values.items() if not _given(field, given)
        }
        if values:
            choices.append(Choice(values, choice.why))
    chosen = {field: value for choice in choices for field, value in choice.values.items()}
    recipe = load_recipe(_merged(with_fields({}, chosen), given))
    return Advice(recipe, found.describe(), tuple(choices))


def _weights_at_hand(data: ImageData) -> str | None:
    """Returns "imagenet" for photographs, where the weights are in Keras's cache or can be had."""
    grey = data.image_shape[-1] == 1 or data.repeated
    if grey or _median_side(data) < PHOTOGRAPH:
        return None
    shape = (COMMON_SIZE[0], COMMON_SIZE[1], 3)
    files = published(BACKBONE).files(shape, len(data.classes))
    return IMAGENET if any(map(obtainable, files)) else None


def _fine_tuning(data: ImageData, weights: str) -> Iterator[Choice]:
    """Yields the recipe finetune, for the network that the weights are of."""
    network = BACKBONE if weights == IMAGENET else None
    recipe = load_recipe_for_weights("finetune", data=data.name, model=network, weights=weights)
    shape = ("image_size", "resize", "colour")
    yield Choice(
        {
            **{f"model.{name}": value for name, value in recipe.model.model_dump().items()},
            **{f"data.{name}": getattr(recipe.data, name) for name in shape},
            "training.initialize": weights,
        },
        "what a network has learnt of many images tells few others apart",
    )
    size = recipe.data.image_size
    small = weights != IMAGENET and size is not None and max(size) < PHOTOGRAPH
    augment = AugmentSpec(preset="cifar-flip-crop") if small else recipe.augment
    mirroring = _mirroring(data)
    operations = [
        operation.model_dump(mode="json")
        for operation in augment.operations
        if mirroring.survives or operation.name != "horizontal-flip"
    ]
    yield Choice({"augment.operations": operations}, _of_a_mirror(mirroring))
    values, limit = recipe_values("finetune"), _limit(data)
    if small:
        del values["optimizer"]["learning_rate"]
        yield Choice(
            {"optimizer.learning_rate": SMALL_RATE},
            "a network for small images has more to learn of new ones than one of ImageNet's",
        )
    chosen = {
        f"{section}.{name}": value
        for section in ("optimizer", "training")
        for name, value in values[section].items()
        if name != "initialize"  # said with the network
    }
    yield Choice(
        chosen | {"training.time_limit": limit},
        "the recipe finetune: the head first, then all layers, the first ones least; in "
        f"{limit // 60} minutes",
    )
    yield from _cuts(data)
    yield from _balance(data)


def _choices(data: ImageData) -> Iterator[Choice]:
    """Yields what suits the data; what is given is left out by the caller."""
    yield from _network(data)
    yield _augmentation(data, _mirroring(data))
    yield _optimizer(data)
    yield from _length(data)
    yield from _cuts(data)
    yield from _balance(data)


def _network(data: ImageData) -> Iterator[Choice]:
    """Yields network and image size of a training from nothing."""
    side = _median_side(data)
    size = min(max(side, SMALLEST), SIDE)
    if data.sizes_differ or size != side:
        what = f"{'their median is ' if data.sizes_differ else 'the images are of '}{side}"
        yield Choice({"data.image_size": size}, f"{what} pixels; a small network sees {size} well")
    yield Choice(
        {"model.name": NETWORK, "model.filters": list(FILTERS)},
        "batch normalisation and patches that are whitened learn from few images in minutes",
    )


def _median_side(data: ImageData) -> int:
    """Returns the median of the shorter sides of the training images, in pixels."""
    return int(np.median(data.splits["train"].images.dimensions().min(axis=1)))


def _mirroring(data: ImageData) -> Mirroring:
    """Judges a mirror by a sample of the training images; with several labels, by their names."""
    if data.several_labels:
        return judge_mirroring([], np.empty(0, np.int64), data.classes)
    split = data.splits["train"]
    draws = np.random.default_rng(0)
    rows = np.sort(draws.choice(split.size, min(split.size, _SAMPLE), replace=False))
    seen = read_images(data.name, split.images.part(rows).identities())
    there = [number for number, image in enumerate(seen) if image is not None]
    images = [image for image in seen if image is not None]
    return judge_mirroring(images, split.labels[rows[there]], data.classes)


def _augmentation(data: ImageData, mirroring: Mirroring) -> Choice:
    if mirroring.survives:
        operations = [
            "horizontal-flip",
            {"name": "pad-crop", "pixels": 4},
            {"name": "cutout", "size": 8},
        ]
        return Choice(
            {
                "augment.operations": operations,
                "augment.fill": "reflect",
                "augment.test_time": {"flip": True},
            },
            _of_a_mirror(mirroring),
        )
    return Choice({"augment.preset": "mnist-affine"}, _of_a_mirror(mirroring))


def _of_a_mirror(mirroring: Mirroring) -> str:
    return f"{'images may be mirrored' if mirroring.survives else 'no mirror'}: {mirroring.why}"


def _optimizer(data: ImageData) -> Choice:
    many = data.splits["train"].size > MANY
    recipe = recipe_values("fast-cifar10")
    own = {
        "learning_rate": 0.75 if many else 0.1,
        "learning_rate_multipliers": {"*/beta": 16},
    }
    return Choice(
        {
            **{f"optimizer.{name}": value for name, value in (recipe["optimizer"] | own).items()},
            "training.batch_size": 512 if many else 64,
            "training.label_smoothing": recipe["training"]["label_smoothing"],
        },
        "that of the recipe fast-cifar10, its rate for this batch size",
    )


def _limit(data: ImageData) -> int:
    """Returns how many seconds to train."""
    return LONG_LIMIT if data.splits["train"].size > MANY else LIMIT


def _length(data: ImageData) -> Iterator[Choice]:
    size, limit = data.splits["train"].size, _limit(data)
    epochs = min(max(round(SEEN / size), FEWEST_EPOCHS), MOST_EPOCHS)
    yield Choice(
        {"training.epochs": epochs, "training.time_limit": limit},
        f"{epochs} times {size:,} images, or what {limit // 60} minutes allow (--time-limit 30m "
        "for more)",
    )
    yield Choice(
        {"training.early_stopping": None, "training.keep": "last"},
        "the schedule is fitted to the length of the run, so that the last weights are the best",
    )


def _cuts(data: ImageData) -> Iterator[Choice]:
    """Yields a smaller validation split where only a part of the training images is used."""
    spec = data.spec
    if spec.train_fraction < 1 and "validation_fraction" not in spec.model_fields_set:
        fraction = spec.validation_fraction * spec.train_fraction
        whole = data.splits["train"].size / spec.train_fraction
        fraction = max(fraction, 2 * len(data.classes) / whole)
        yield Choice(
            {"data.validation_fraction": round(min(fraction, spec.validation_fraction), 6)},
            "as small a part of the images as is trained on",
        )


def _balance(data: ImageData) -> Iterator[Choice]:
    if data.several_labels:  # takes no weights of classes
        return
    images = counts(data.splits["train"].labels, len(data.classes))
    if images.max() >= UNEVEN * images.min():
        most, fewest = (data.classes[int(found)] for found in (images.argmax(), images.argmin()))
        yield Choice(
            {"data.balance": "weights"},
            f"'{most}' has {images.max():,} training images and '{fewest}' {images.min():,}",
        )


def _given(field: str, given: Mapping[str, Any]) -> bool:
    """Whether a field is given, or what decides it: a network, an optimizer, an end."""
    section = field.partition(".")[0]
    if section == "augment" and section in given:
        return True
    if section in ("model", "optimizer") and _holds(given, f"{section}.name"):
        return True
    if field in _ENDS:
        return any(_holds(given, end) for end in _ENDS)
    return _holds(given, field)


def _holds(values: Any, field: str) -> bool:
    """Whether raw values have a field, by dotted name, or a bare name where it would be."""
    for name in field.split("."):
        if not isinstance(values, Mapping):
            return True
        if name not in values:
            return False
        values = values[name]
    return True


def _merged(chosen: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(chosen)
    for name, value in given.items():
        if isinstance(value, Mapping) and isinstance(merged.get(name), Mapping):
            value = _merged(merged[name], value)
        merged[name] = value
    return merged
