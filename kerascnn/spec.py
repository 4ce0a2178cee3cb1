"""The base of every spec: frozen, strict, with errors that fit on one line; and specs by name."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Annotated, Any, ClassVar, Literal, Self, get_args, get_origin

from pydantic import BaseModel, ConfigDict, ValidationError, model_validator
from pydantic_core import ErrorDetails

from kerascnn.errors import UserError, unknown


@dataclass(frozen=True)
class Fault:
    """What is wrong with one field of a spec.

    Attributes:
        where: Dotted name of the field, or of the spec that has no such field; empty for the spec
            as a whole.
        text: What was received, and what would be right.
    """

    where: str
    text: str

    def below(self, parent: str) -> Fault:
        """Returns the same fault of a spec that is itself a field of another one."""
        return replace(self, where=f"{parent}.{self.where}" if self.where else parent)

    def __str__(self) -> str:
        """As the user is told."""
        return f"{self.where}: {self.text}" if self.where else self.text


class SpecError(UserError):
    """What is wrong with a spec, field by field, on one line.

    Attributes:
        faults: One for each field.
    """

    def __init__(self, faults: list[Fault]):
        self.faults = faults
        super().__init__("; ".join(map(str, faults)))


class UnknownNameError(SpecError):
    """A name that stands for no spec of its kind: the message says which kind that is."""


def _faults(error: ErrorDetails, fields: list[str]) -> list[Fault]:
    where = ".".join(str(part) for part in error["loc"])
    cause = error.get("ctx", {}).get("error")
    if isinstance(cause, SpecError):  # of a nested spec
        alone = isinstance(cause, UnknownNameError) or not where
        return cause.faults if alone else [fault.below(where) for fault in cause.faults]
    if isinstance(cause, UserError):  # of a validator of ours: already readable
        field, colon, text = str(cause).partition(": ")
        if colon and field.replace("_", "").replace(".", "").isalnum():
            return [Fault(f"{where}.{field}" if where else field, text)]
        return [Fault(where, str(cause))]
    if error["type"] == "extra_forbidden":
        parent, _, field = where.rpartition(".")
        return [Fault(parent, str(unknown("field", field, fields)))]
    if error["type"] == "missing":
        return [Fault(where, "is required")]
    message = error["msg"].removeprefix("Value error, ").removeprefix("Input ")
    return [Fault(where, f"got {error['input']!r}, {message[:1].lower()}{message[1:]}")]


def _field_names(spec: type[BaseModel]) -> list[str]:
    """Returns the names of a spec's fields, and by dotted names those of the specs in them."""
    names = []
    for name, field in spec.model_fields.items():
        names.append(field.alias or name)
        for kind in _kinds(field.annotation):
            if isinstance(kind, type) and issubclass(kind, BaseModel):
                names += [f"{name}.{inner}" for inner in _field_names(kind)]
    return names


class Spec(BaseModel):
    """A frozen, validated part of a recipe.

    Raises:
        SpecError: On construction, for an unknown field or an impossible value.
    """

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        validate_default=True,
        allow_inf_nan=False,
        defer_build=True,  # a validator is made where it is used first: there are many specs
    )

    def __init__(self, **values: Any):
        try:
            super().__init__(**values)
        except ValidationError as error:
            fields = _field_names(type(self))
            raise SpecError(
                [fault for detail in error.errors() for fault in _faults(detail, fields)]
            ) from None

    @model_validator(mode="before")
    @classmethod
    def _no_booleans(cls, values: Any) -> Any:
        """Refuses true and false where numbers are meant: pydantic would take them for 1 and 0."""
        for field, info in cls.model_fields.items():
            name = info.alias or field
            if isinstance(values, Mapping) and _holds_boolean(values.get(name)):
                kinds = _kinds(info.annotation)
                if kinds & {int, float} and not kinds & {bool, Any}:
                    raise UserError(f"{name}: got {values[name]!r}, must be a number")
        return values


def _holds_boolean(value: Any) -> bool:
    if isinstance(value, Mapping):
        return any(map(_holds_boolean, value.values()))
    if isinstance(value, list | tuple):
        return any(map(_holds_boolean, value))
    return isinstance(value, bool)


def _kinds(annotation: Any) -> set[Any]:
    """Returns the types that an annotation is made of."""
    parts = get_args(annotation)
    if not parts or get_origin(annotation) is Literal:
        return {annotation}
    return set().union(*map(_kinds, parts[:1] if get_origin(annotation) is Annotated else parts))


class Named(Spec):
    """A spec whose `name` tells which fields it has: a class for each name.

        class Operation(Named, what="augmentation operation"):
            probability: float = 1.0

        class Rotation(Operation, name="rotation"):
            degrees: tuple[float, float] = (-15.0, 15.0)

    `Operation(name="rotation")` is then a Rotation, and so becomes what a field of the type
    Operation is given: a mapping with the name and fields, or the bare name. A field that the base
    leaves at None and that some names declare anew belongs to those names alone; to the others it
    may be given as None, so that every resolved spec can be read again.
    """

    what: ClassVar[str] = ""  # in words, for messages
    form: ClassVar[str] = "a name, or {name: ..., FIELD: ...}"  # what is right, for messages
    hint: ClassVar[str] = ""  # how to see the names there are
    usual: ClassVar[str | None] = None  # the name where none is given
    kind: ClassVar[str | None] = None  # the class's own name; None for a base
    kinds: ClassVar[dict[str, type[Named]]] = {}

    name: str = ""

    def __init_subclass__(cls, what: str | None = None, name: str | None = None, **options: Any):
        super().__init_subclass__(**options)
        if what is not None:
            cls.what, cls.kinds = what, {}
        if name is not None:
            cls.kind = name
            cls.kinds[name] = cls

    def __new__(cls, **values: Any) -> Self:
        """Makes an instance of the class that the name stands for."""
        return super().__new__(cls.chosen(values) if cls.kind is None and values else cls)

    @classmethod
    def names(cls) -> list[str]:
        """Returns every name."""
        return list(cls.kinds)

    @classmethod
    def of_name(cls, name: str) -> type[Self]:
        """Returns the class that has the fields of a name.

        Raises:
            SpecError: If there is no such name.
        """
        if name not in cls.kinds:
            message = str(unknown(cls.what, name, cls.names(), hint=cls.hint))
            raise UnknownNameError([Fault("", message)])
        return cls.kinds[name]  # type: ignore[return-value]  # registered below its own base

    @classmethod
    def chosen(cls, values: Mapping[str, Any]) -> type[Self]:
        """Returns the class that values are of, by the name among them."""
        name = values.get("name") or cls.usual
        if not isinstance(name, str):
            raise SpecError([Fault("name", "is required" if name is None else f"got {name!r}")])
        return cls.of_name(name)

    @classmethod
    def of(cls, value: Any) -> Self:
        """Returns the spec that a value stands for: itself, a mapping, or a bare name.

        Raises:
            UserError: If it is none of these, or no such spec can be.
        """
        if isinstance(value, cls):
            return value
        if isinstance(value, str):
            value = {"name": value}
        if not isinstance(value, Mapping) or not all(isinstance(key, str) for key in value):
            raise UserError(f"got {value!r}, must be {cls.form}")
        return cls.chosen(value)(**value)

    @model_validator(mode="wrap")
    @classmethod
    def _read(cls, values: Any, handler: Callable[[Any], Any]) -> Any:
        if isinstance(values, Named):
            return handler(values)
        return cls.of(values) if cls.kind is None else handler(cls._completed(values))

    @classmethod
    def _completed(cls, values: Mapping[str, Any]) -> dict[str, Any]:
        """Adds the name, and refuses fields that only other names have."""
        base = cls._base()
        given = {}
        for field, value in values.items():
            declared = base.model_fields.get(field)
            if declared is not None and declared.default is None:
                if value is None:
                    continue
                having = [name for name, kind in cls.kinds.items() if field in kind._own_fields()]
                if having and cls.kind not in having:
                    raise UserError(
                        f"{field}: got {value!r}, but the {cls.what} {cls.kind} has none "
                        f"(only {', '.join(having)}): leave it out, or set it to null"
                    )
            given[field] = value
        for field, info in cls.model_fields.items():
            if info.is_required() and (info.alias or field) not in given:
                raise UserError(f"{field}: is required by the {cls.what} '{cls.kind}'")
        return given | {"name": cls.kind}

    @classmethod
    def _base(cls) -> type[Named]:
        return next(
            parent for parent in cls.__mro__ if issubclass(parent, Named) and "what" in vars(parent)
        )

    @classmethod
    def _own_fields(cls) -> set[str]:
        """Returns the fields that the class declares beyond, or anew to, those of its base."""
        parents = cls.__mro__[: cls.__mro__.index(cls._base())]
        return {field for parent in parents for field in inspect.get_annotations(parent)}


def allowed_values(spec: type[BaseModel], field: str) -> str:
    """Returns in words what values a field of a spec takes, as its JSON schema has it."""
    if issubclass(spec, Named) and field == "name":
        return spec.hint or ", ".join(spec.names())
    schema = spec.model_json_schema(mode="validation")
    return _in_words(schema["properties"][spec.model_fields[field].alias or field])


def _in_words(schema: Mapping[str, Any]) -> str:
    if "anyOf" in schema:
        return " or ".join(dict.fromkeys(_in_words(part) for part in schema["anyOf"]))
    if "enum" in schema:
        return ", ".join(map(str, schema["enum"]))
    if "const" in schema:
        return str(schema["const"])
    kind = {
        "integer": "whole number",
        "number": "number",
        "boolean": "true or false",
        "string": "text",
        "array": "list",
        "object": "mapping",
        "null": "null",
    }.get(schema.get("type", ""), "value")
    bounds = [
        f"{word} {schema[key]:g}"
        for key, word in (
            ("minimum", "from"),
            ("exclusiveMinimum", "above"),
            ("maximum", "to"),
            ("exclusiveMaximum", "below"),
        )
        if key in schema and abs(schema[key]) < 2**31
    ]
    return " ".join([kind, *bounds])
