"""ResNet-50, 101 and 152 of keras.applications, as ours have them.

Theirs have biases before batch normalization, which are subtracted from its means here, and an
epsilon of 1.001e-5, whose difference is added to its variances. They want BGR minus ImageNet's
mean; ours takes RGB: the kernels of conv1 are turned round instead.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np

_PARTS = {"0": "shortcut", "1": "a", "2": "b", "3": "c"}
_EPSILON = 1.001e-5 - 1e-5

# What a network needs for these weights to be what they were trained as.
OPTIONS = {"normalization": "imagenet", "pool_padding": 1, "stride_on": "1x1"}


def is_theirs(names: Sequence[str]) -> bool:
    """Whether layers of these names are a ResNet's of keras.applications (version 1)."""
    return {"conv1_conv", "conv1_bn", "conv2_block1_3_bn"} <= set(names)


def convert(layers: Mapping[str, Sequence[np.ndarray]]) -> dict[str, list[np.ndarray]]:
    """Gives weights of keras.applications the names, layers and channel order of ours.

    Args:
        layers: Weights by the name of the layer; a fully connected one is the last.
    """
    found: dict[str, list[np.ndarray]] = {}
    for name, weights in layers.items():
        if not name.endswith(("_conv", "_bn")):
            found["fc"] = list(weights)
            continue
        ours, kind = _name(name)
        if kind == "conv":
            found[ours] = [weights[0]]
            continue
        gamma, beta, mean, variance = weights
        bias = layers[name.removesuffix("bn") + "conv"][1]
        found[f"{ours}_bn"] = [gamma, beta, mean - bias, variance + _EPSILON]
    found["conv1"] = [found["conv1"][0][:, :, ::-1]]
    return found


def _name(theirs: str) -> tuple[str, str]:
    """Returns our name of a convolution, and whether theirs is it or its normalization."""
    block = re.fullmatch(r"(conv\d)_block(\d+)_(\d)_(conv|bn)", theirs)
    if block:
        stage, number, part, kind = block.groups()
        return f"{stage}_{number}_{_PARTS[part]}", kind
    stage, _, kind = theirs.partition("_")
    return stage, kind
