"""ImageNet weights that keras.applications publishes, and what a network needs to take them.

`files.csv` has the files: what `keras.applications` hands to `keras.utils.get_file`.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from kerascnn.errors import UserError
from kerascnn.models import kerashub
from kerascnn.models.backbones import BACKBONES, PREFIX, backbone_of, is_backbone
from kerascnn.models.spec import ModelSpec
from kerascnn.models.weights import resnet, vgg
from kerascnn.models.weights.backbone import read_backbone
from kerascnn.models.weights.weights_file import read_layers

if TYPE_CHECKING:
    import numpy as np

IMAGENET = "imagenet"  # as `training.initialize` names them
PRESET = "preset"  # the weights of a preset of KerasHub
CLASSES = 1000

# Options by which weights of the same shapes mean something else.
SENSE = ("normalization", "pool_padding", "stride_on")

Layers: TypeAlias = "Mapping[str, Sequence[np.ndarray]]"


@dataclass(frozen=True)
class WeightsFile:
    """A file that keras.applications downloads.

    Attributes:
        name: In the cache of Keras.
        url: Where it comes from.
        md5: Of its content; None where Keras does not know it.
    """

    name: str
    url: str
    md5: str | None


@dataclass(frozen=True)
class Published:
    """ImageNet weights for a network.

    Attributes:
        name: Of the network in keras.applications.
        options: What the network's options must be.
        convert: Their weights, by the name of their layer, become ours; None for theirs.
        is_theirs: Whether names of layers are of their networks of this family.
    """

    name: str
    options: Mapping[str, Any]
    convert: Callable[[Layers], dict[str, list[np.ndarray]]] | None = None
    is_theirs: Callable[[Sequence[str]], bool] = field(default=lambda names: False)

    @property
    def whole(self) -> WeightsFile:
        """The file with the layers after the pooling of the last maps."""
        return _files()[self.name][0]

    @property
    def without_top(self) -> WeightsFile:
        """The file without them."""
        return _files()[self.name][1]

    def files(self, image_shape: tuple[int, int, int], classes: int) -> tuple[WeightsFile, ...]:
        """Returns the files that have every layer of use, the one to download first.

        Args:
            image_shape: (H, W, C).
            classes: Number of classes.
        """
        if self.name.startswith("VGG"):
            top = vgg.reaches_fully_connected(image_shape)
        else:  # have more after the pooling than the last layer
            top = self.name.startswith(("MobileNetV3", "ConvNeXt"))
        if top or classes == CLASSES:
            return (self.whole,)
        return (self.without_top, self.whole)

    def layers(self, path: Path) -> dict[str, list[np.ndarray]]:
        """Reads one of the files: weights by the name of the layer in the network they are for.

        Raises:
            UserError: If it is damaged, or of another network.
        """
        if self.convert is None:
            return read_backbone(self.name, path, whole=path.name == self.whole.name)
        return self.convert(read_layers(path))


@cache
def _files() -> dict[str, tuple[WeightsFile, WeightsFile]]:
    with Path(__file__).with_name("files.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    found = {}
    for row in rows:
        whole, without_top = (
            WeightsFile(row[kind], row[f"{kind}_url"], row[f"{kind}_md5"] or None)
            for kind in ("whole", "without_top")
        )
        found[row["network"]] = (whole, without_top)
    return found


PUBLISHED = {
    "vgg16": Published("VGG16", vgg.OPTIONS, vgg.convert, vgg.is_theirs),
    "vgg19": Published("VGG19", vgg.OPTIONS, vgg.convert, vgg.is_theirs),
    "resnet50": Published("ResNet50", resnet.OPTIONS, resnet.convert, resnet.is_theirs),
    "resnet101": Published("ResNet101", resnet.OPTIONS, resnet.convert, resnet.is_theirs),
    "resnet152": Published("ResNet152", resnet.OPTIONS, resnet.convert, resnet.is_theirs),
}


def published(model: str) -> Published:
    """Returns the ImageNet weights for a network.

    Raises:
        UserError: If there are none; names the networks that have some.
    """
    if is_backbone(model):
        options = ModelSpec(name=model).options
        needed = {name: value for name, value in options.items() if name != "dropout"}
        return Published(backbone_of(model).name, needed)
    if kerashub.is_preset(model):
        raise UserError(f"training.initialize: the weights of {model} are called {PRESET}")
    if model not in PUBLISHED:
        raise UserError(
            f"training.initialize: there are no ImageNet weights for {model}; there are for "
            f"{', '.join(PUBLISHED)}, {PREFIX}{next(iter(BACKBONES))} and others that start with "
            f"{PREFIX}"
        )
    return PUBLISHED[model]


def of_layers(names: Sequence[str]) -> Published | None:
    """Returns whose weights layers of these names are; None where they are not of Keras's.

    What they need and how they are converted is the same within a family.
    """
    return next((found for found in PUBLISHED.values() if found.is_theirs(names)), None)


def with_options(spec: ModelSpec, needed: Mapping[str, Any], source: str) -> ModelSpec:
    """Returns a network's spec with the options that weights need.

    An option that has the network's usual value counts as not chosen.

    Args:
        spec: Of the network.
        needed: Values by the name of the option; options that the network does not have are left
            out.
        source: Of the weights, in words.

    Raises:
        UserError: If an option was chosen that the weights were not trained with.
    """
    fields, changed = type(spec).model_fields, {}
    for name, value in needed.items():
        if name not in fields or getattr(spec, name) == value:
            continue
        if getattr(spec, name) != fields[name].default:
            raise UserError(
                f"model.{name}: got {getattr(spec, name)!r}, but the weights of {source} were "
                f"trained with {value!r}: leave it out, or the weights"
            )
        changed[name] = value
    return spec.model_copy(update=changed)
