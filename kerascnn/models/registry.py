"""Names of networks: what `kerascnn models` lists and a recipe's `model.name` may be."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib.metadata import entry_points
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field

from kerascnn.errors import UserError, unknown

Rate = Annotated[float, Field(ge=0, lt=1)]
Count = Annotated[int, Field(ge=1, le=2**31 - 1)]
Widths = tuple[Count, ...]
Activation = Literal["relu", "tanh", "sigmoid", "elu", "leaky_relu", "gelu", "silu", "linear"]

# How raw 0..255 pixels become the network's input; see `kerascnn.models.inputs`.
Normalization = Literal["unit", "standardize", "center", "imagenet", "lenet", "none"]

# What a network is trained with on its logits; see `kerascnn.training.losses`.
Loss = Literal["crossentropy", "focal", "map"]


@dataclass(frozen=True)
class ModelEntry:
    """A registered network.

    Attributes:
        name: As in `kerascnn train NAME`.
        builder: `builder(x, classes, **options)` takes float feature maps (B, H, W, C) and returns
            logits (B, classes), or a dict of them whose first key is "logits" where the network
            has auxiliary heads.
        family: Group in `kerascnn models`.
        year: The year of the paper.
        paper: Authors and title, short.
        input_shape: The paper's own (H, W, C).
        classes: The paper's own number of classes.
        normalization: How this network's recipe treats raw pixels, unless the model spec says.
        preset: Values of builder options that make this variant.
        loss: The paper's own, on the logits.
        source: The file of a network of one's own; None for those of packages.
    """

    name: str
    builder: Callable[..., Any]
    family: str
    year: int
    paper: str
    input_shape: tuple[int, int, int]
    classes: int
    normalization: Normalization = "standardize"
    preset: Mapping[str, Any] = field(default_factory=dict)
    loss: Loss = "crossentropy"
    source: Path | None = None


_MODELS: dict[str, ModelEntry] = {}
_PLUGINS = "kerascnn.models"  # entry points of packages that register networks


def register_model(
    name: str,
    *,
    family: str = "own",
    year: int = 0,
    paper: str = "",
    input_shape: tuple[int, int, int] = (32, 32, 3),
    classes: int = 10,
    normalization: Normalization = "standardize",
    loss: Loss = "crossentropy",
    **preset: Any,
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Registers a builder, or one variant of it, under a name; see `ModelEntry`.

    Raises:
        ValueError: If the name is taken.
    """

    def register(builder: Callable[..., Any]) -> Callable[..., Any]:
        if name in _MODELS:
            raise ValueError(f"a network named '{name}' is already registered")
        _MODELS[name] = ModelEntry(
            name, builder, family, year, paper, input_shape, classes, normalization, preset, loss
        )
        return builder

    return register


def models() -> Mapping[str, ModelEntry]:
    """Returns every registered network by name, in the order of registration.

    The families of `kerascnn.models` are there since that package was imported, before this module.
    """
    _load_plugins()
    return _MODELS


@functools.cache
def _load_plugins() -> None:
    """Imports the modules that other packages name under the entry point kerascnn.models."""
    for point in entry_points(group=_PLUGINS):
        try:
            point.load()
        except Exception as error:  # whatever a package does on import
            raise UserError(
                f"the package {point.dist.name if point.dist else point.value} registers networks "
                f"and cannot be imported ({type(error).__name__}: {error}): mend or remove it"
            ) from error


def model_entry(name: str) -> ModelEntry:
    """Returns the network of that name.

    Raises:
        UserError: If there is none; names the closest ones.
    """
    known = models()
    if name not in known:
        raise unknown("model", name, known, hint="'kerascnn models' lists them")
    return known[name]
