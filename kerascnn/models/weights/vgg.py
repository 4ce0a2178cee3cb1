"""VGG-16 and 19 of keras.applications, as ours have them.

The authors' weights want BGR minus ImageNet's mean. Ours takes RGB: the kernels of conv1_1 are
turned round instead.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np

_DENSE = {"fc1": "fc6", "fc2": "fc7"}

# What a network needs for these weights to be what they were trained as.
OPTIONS = {"normalization": "imagenet"}


def is_theirs(names: Sequence[str]) -> bool:
    """Whether layers of these names are a VGG's of keras.applications."""
    return {"block1_conv1", "block5_conv3"} <= set(names)


def convert(layers: Mapping[str, Sequence[np.ndarray]]) -> dict[str, list[np.ndarray]]:
    """Gives weights of keras.applications the names and the channel order of ours.

    Args:
        layers: Weights by the name of the layer, with fc1 and fc2 or without; a further fully
            connected layer is the last one.
    """
    found: dict[str, list[np.ndarray]] = {}
    for name, weights in layers.items():
        if name.startswith("block"):
            ours = name.replace("block", "conv").replace("_conv", "_")
        else:
            ours = _DENSE.get(name, "fc8")
        found[ours] = list(weights)
    kernel, *rest = found["conv1_1"]
    found["conv1_1"] = [kernel[:, :, ::-1], *rest]
    return found


def reaches_fully_connected(image_shape: tuple[int, int, int]) -> bool:
    """Whether fc6 sees 7x7 maps, as at 224x224, for which it was trained.

    Args:
        image_shape: (H, W, C).
    """
    return image_shape[0] // 32 == image_shape[1] // 32 == 7
