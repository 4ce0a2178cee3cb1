"""ImageNet weights that keras.applications publishes, and what a network needs to take them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from kerascnn.errors import UserError
from kerascnn.models.spec import ModelSpec
from kerascnn.models.weights import resnet, vgg

IMAGENET = "imagenet"  # as `training.initialize` names them
CLASSES = 1000

# Options by which weights of the same shapes mean something else.
SENSE = ("normalization", "pool_padding", "stride_on")

_ADDRESS = "https://storage.googleapis.com/tensorflow/keras-applications"

Layers = Mapping[str, Sequence[np.ndarray]]


@dataclass(frozen=True)
class WeightsFile:
    """A file that keras.applications downloads.

    Attributes:
        name: In the cache of Keras.
        url: Where it comes from.
        md5: Of its content.
    """

    name: str
    url: str
    md5: str


@dataclass(frozen=True)
class Published:
    """ImageNet weights for a network of ours.

    Attributes:
        whole: The file with the fully connected layers.
        without_top: The file without any.
        options: What the network's options must be.
        convert: Their weights, by the name of their layer, become ours.
        is_theirs: Whether names of layers are of their network of this family.
    """

    whole: WeightsFile
    without_top: WeightsFile
    options: Mapping[str, Any]
    convert: Callable[[Layers], dict[str, list[np.ndarray]]]
    is_theirs: Callable[[Sequence[str]], bool]

    def file(self, model: str, image_shape: tuple[int, int, int], classes: int) -> WeightsFile:
        """Returns the smaller file that has every layer of use.

        Args:
            model: The name of the network.
            image_shape: (H, W, C).
            classes: Number of classes.
        """
        connected = model.startswith("vgg") and vgg.reaches_fully_connected(image_shape)
        return self.whole if connected or classes == CLASSES else self.without_top


def _published(family: Any, folder: str, name: str, md5: str, md5_without_top: str) -> Published:
    def file(end: str, digest: str) -> WeightsFile:
        full = f"{name}_weights_tf_dim_ordering_tf_kernels{end}.h5"
        return WeightsFile(full, f"{_ADDRESS}/{folder}/{full}", digest)

    return Published(
        file("", md5),
        file("_notop", md5_without_top),
        family.OPTIONS,
        family.convert,
        family.is_theirs,
    )


PUBLISHED = {
    "vgg16": _published(
        vgg,
        "vgg16",
        "vgg16",
        "64373286793e3c8b2b4e3219cbf3544b",
        "6d6bbae143d832006294945121d1f1fc",
    ),
    "vgg19": _published(
        vgg,
        "vgg19",
        "vgg19",
        "cbe5617147190e668d6c5d5026f83318",
        "253f8cb515780f3b799900260a226db6",
    ),
    "resnet50": _published(
        resnet,
        "resnet",
        "resnet50",
        "2cb95161c43110f7111970584f804107",
        "4d473c1dd8becc155b73f8504c6f6626",
    ),
    "resnet101": _published(
        resnet,
        "resnet",
        "resnet101",
        "f1aeb4b969a6efcfb50fad2f0c20cfc5",
        "88cf7a10940856eca736dc7b7e228a21",
    ),
    "resnet152": _published(
        resnet,
        "resnet",
        "resnet152",
        "100835be76be38e30d865e96f2aaae62",
        "ee4c566cf9a93f14d82f913c2dc6dd0c",
    ),
}


def published(model: str) -> Published:
    """Returns the ImageNet weights for a network.

    Raises:
        UserError: If there are none; names the networks that have some.
    """
    if model not in PUBLISHED:
        raise UserError(
            f"training.initialize: there are no ImageNet weights for {model}; "
            f"there are for {', '.join(PUBLISHED)}"
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
