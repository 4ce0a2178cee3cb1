"""Which network, with which options: the part of a recipe.

A network's options are the keyword-only parameters of its builder, with their annotations as
bounds, so that they are checked before TensorFlow is imported.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Self

from pydantic import ConfigDict, create_model

from kerascnn.errors import same_form
from kerascnn.models.backbones import backbone_entry, backbone_names, is_backbone
from kerascnn.models.kerashub import is_preset, is_preset_folder, preset_entry, preset_names
from kerascnn.models.own import is_own, own_entry
from kerascnn.models.registry import ModelEntry, Normalization, model_entry, models
from kerascnn.spec import Named


class ModelSpec(Named, what="model"):
    """A network by its registered name; its builder's options are fields beside the name."""

    hint: ClassVar[str] = "'kerascnn models' lists them"

    if TYPE_CHECKING:  # the name tells which fields there are, which type checkers cannot know

        def __init__(self, **values: Any) -> None: ...

    def __eq__(self, other: object) -> bool:
        """Whether both mean the same network: that of one's own may be resolved, or as stored."""
        if not isinstance(other, ModelSpec):
            return NotImplemented
        return self.model_dump(mode="json") == other.model_dump(mode="json")

    def __hash__(self) -> int:
        return hash(self.name)

    @classmethod
    def names(cls) -> list[str]:
        """Returns every name, but those of one's own."""
        return known_names()

    @classmethod
    def of_name(cls, name: str) -> type[Self]:
        """Returns the class that has a network's options as fields."""
        if is_own(name):
            return OwnModelSpec  # type: ignore[return-value]  # asked of the base alone
        name = _canonical(name)
        known = name in known_names() or is_preset_folder(name)
        if known and name not in cls.kinds:
            options_of(entry_of(name))
        return super().of_name(name)

    @property
    def entry(self) -> ModelEntry:
        """The network.

        Raises:
            UserError: If it is one's own, and its file is missing or fails.
        """
        return entry_of(self.name)

    @property
    def options(self) -> dict[str, Any]:
        """Every option of the builder, defaults filled in."""
        fields = [field for field in type(self).model_fields if field != "name"]
        return {field: getattr(self, field) for field in fields} | (self.__pydantic_extra__ or {})

    def resolved(self) -> ModelSpec:
        """Returns the spec with every option of one's own network checked and filled in.

        Raises:
            UserError: If its file is missing or fails, or it has no such option.
        """
        if not is_own(self.name):
            return self
        return options_of(self.entry)(**self.model_dump(exclude_none=True))


class OwnModelSpec(ModelSpec):
    """A network of one's own, its options as they were written: its file is not imported."""

    model_config = ConfigDict(extra="allow", frozen=True)
    kind: ClassVar[str | None] = "FILE.py:FUNCTION"

    @classmethod
    def _completed(cls, values: Mapping[str, Any]) -> dict[str, Any]:
        return dict(values)


def known_names() -> list[str]:
    """Returns the names of the registered networks, of keras.applications' and of KerasHub's."""
    return [*models(), *backbone_names(), *preset_names()]


def entry_of(name: str) -> ModelEntry:
    """Returns the network of any name.

    Raises:
        UserError: If there is none, or it is one's own, and its file is missing or fails.
    """
    if is_own(name):
        return own_entry(name)
    if is_preset(name):
        return preset_entry(name)
    return backbone_entry(name) if is_backbone(name) else model_entry(name)


def _canonical(name: str) -> str:
    """Returns the known name that one means in other case, or with other hyphens."""
    if name in known_names():
        return name
    same = [known for known in known_names() if same_form(known) == same_form(name)]
    return same[0] if len(same) == 1 else name


def options_of(entry: ModelEntry) -> type[ModelSpec]:
    """Returns the class of spec that has a network's options, with the variant's own defaults."""
    fields: dict[str, Any] = {}
    for parameter in inspect.signature(entry.builder).parameters.values():
        if parameter.kind is inspect.Parameter.KEYWORD_ONLY:
            # Only these are resolved: the others may name Keras types, which would import it.
            annotation = parameter.annotation
            if isinstance(annotation, str):
                annotation = eval(annotation, entry.builder.__globals__)
            empty = parameter.default is inspect.Parameter.empty
            default = entry.preset.get(parameter.name, ... if empty else parameter.default)
            fields[parameter.name] = (annotation, default)
    fields["normalization"] = (Normalization, entry.normalization)
    return create_model(
        f"{entry.name} options",
        __base__=ModelSpec,
        __cls_kwargs__={"name": entry.name},
        **fields,
    )
