"""Names of networks: what `kerascnn models` lists and a recipe's `model.name` may be.

A network's options are the keyword-only parameters of its builder, with their annotations as
bounds, so that they are checked before TensorFlow is imported.
"""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, create_model

from kerascnn.errors import unknown

Rate = Annotated[float, Field(ge=0, lt=1)]
Count = Annotated[int, Field(ge=1)]
Widths = tuple[Count, ...]
Activation = Literal["relu", "tanh", "sigmoid", "elu", "leaky_relu", "gelu", "silu", "linear"]

# How raw 0..255 pixels become the network's input; see `kerascnn.models.inputs`.
Normalization = Literal["unit", "standardize", "center", "lenet", "none"]

# What a network is trained with on its logits; see `kerascnn.losses`.
Loss = Literal["crossentropy", "map"]


class Options(BaseModel):
    """The options of one network."""

    model_config = ConfigDict(extra="forbid", frozen=True)


@dataclass(frozen=True)
class ModelEntry:
    """A registered network.

    Attributes:
        name: As in `kerascnn train NAME`.
        builder: `builder(x, classes, **options)` takes float feature maps (B, H, W, C) and returns
            logits (B, classes), or a dict of them whose first key is "logits" where the network
            has auxiliary heads.
        family: Group in `kerascnn models`.
        year: Of the paper.
        paper: Authors and title, short.
        input_shape: The paper's own (H, W, C).
        classes: The paper's own number of classes.
        normalization: How this network's recipe treats raw pixels, unless the model spec says.
        preset: Values of builder options that make this variant.
        loss: The paper's own, on the logits.
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

    @cached_property
    def options(self) -> type[Options]:
        """The pydantic model of this network's options, with the variant's own defaults."""
        fields: dict[str, Any] = {}
        for parameter in inspect.signature(self.builder).parameters.values():
            if parameter.kind is inspect.Parameter.KEYWORD_ONLY:
                # Only these are resolved: the others may name Keras types, which would import it.
                annotation = parameter.annotation
                if isinstance(annotation, str):
                    annotation = eval(annotation, self.builder.__globals__)
                fields[parameter.name] = (
                    annotation,
                    self.preset.get(parameter.name, parameter.default),
                )
        fields["normalization"] = (Normalization, self.normalization)
        return create_model(f"{self.name} options", __base__=Options, **fields)


_MODELS: dict[str, ModelEntry] = {}


def register_model(
    name: str,
    *,
    family: str,
    year: int,
    paper: str,
    input_shape: tuple[int, int, int],
    classes: int,
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
    """Returns every registered network by name, in the order of registration."""
    importlib.import_module("kerascnn.models")  # its modules register themselves
    return _MODELS


def model_entry(name: str) -> ModelEntry:
    """Returns the network of that name.

    Raises:
        UserError: If there is none; names the closest ones.
    """
    known = models()
    if name not in known:
        raise unknown("model", name, known, hint="'kerascnn models' lists them")
    return known[name]
