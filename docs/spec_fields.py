"""An extension of griffe: the fields of a spec become the attributes of its docstring."""

from __future__ import annotations

import ast
from typing import Any

import griffe

_BASES = {"Spec", "Named"}


def _is_spec(cls: griffe.Class) -> bool:
    return bool(_BASES & {parent.name for parent in cls.mro()})


def _text(value: ast.expr | None) -> tuple[str, ast.expr | None]:
    """Returns what a field's value says: description and bounds, and the default."""
    if not isinstance(value, ast.Call) or getattr(value.func, "id", "") != "Field":
        return "", value
    words = {word.arg: word.value for word in value.keywords}
    description = ast.literal_eval(words.get("description", ast.Constant("")))
    signs = (("ge", "from"), ("gt", "above"), ("le", "to"), ("lt", "below"))
    bounds = [f"{sign} {ast.unparse(words[name])}" for name, sign in signs if name in words]
    default = value.args[0] if value.args else None
    if "default_factory" in words:
        default = ast.Call(words["default_factory"], [], [])
    return "; ".join(part for part in (description, " ".join(bounds)) if part), default


def _line(field: griffe.Attribute) -> str:
    """Returns one field as Google's style has it."""
    value = None if field.value is None else ast.parse(str(field.value), mode="eval").body
    text, default = _text(value)
    ending = "required" if default is None else f"default `{ast.unparse(default)}`"
    return f"    {field.name} ({field.annotation}): {f'{text}; ' if text else ''}{ending}."


class SpecFields(griffe.Extension):
    """Writes an Attributes section where a class is a spec, and the name that chooses it."""

    def on_package(self, *, pkg: griffe.Module, **_: Any) -> None:
        """Goes through a package once it is loaded."""
        self._visit(pkg)

    def _visit(self, within: griffe.Module | griffe.Class) -> None:
        for member in within.members.values():
            if member.is_alias:
                continue
            if member.is_class and _is_spec(member):
                self._describe(member)
            if member.is_module or member.is_class:
                self._visit(member)

    def _describe(self, cls: griffe.Class) -> None:
        if cls.docstring is None or "\nAttributes:" in cls.docstring.value:
            return
        parts = [cls.docstring.value]
        if "name" in cls.keywords:
            parts.append(f"Chosen by the name `{ast.literal_eval(str(cls.keywords['name']))}`.")
        parents = [parent for parent in cls.mro() if parent.name.startswith("_")]
        fields = [
            member
            for part in (cls, *parents)
            for member in part.members.values()
            if member.is_attribute
            and "instance-attribute" in member.labels  # those of the class are no fields
            and not member.name.startswith("_")
            and (part is cls or member.name not in cls.members)
        ]
        if fields:
            parts.append("Attributes:\n" + "\n".join(map(_line, fields)))
        cls.docstring.value = "\n\n".join(parts)
