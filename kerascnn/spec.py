"""The base of every spec: frozen, strict, and with errors that fit on one line."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic_core import ErrorDetails

from kerascnn.errors import UserError, unknown


def _one_line(error: ErrorDetails, fields: list[str]) -> str:
    where = ".".join(str(part) for part in error["loc"])
    cause = error.get("ctx", {}).get("error")
    if isinstance(cause, UserError):  # a nested spec, or a validator of ours: already readable
        if not where or str(cause).startswith("unknown model"):
            return str(cause)
        # "filters: got 0" becomes "model.filters: got 0"; other sentences get "model: " before them
        return f"{where}.{cause}" if str(cause).split()[0].endswith(":") else f"{where}: {cause}"
    if error["type"] == "extra_forbidden":
        return str(unknown("field", where, fields))
    if error["type"] == "missing":
        return f"{where}: is required"
    message = error["msg"].removeprefix("Value error, ").removeprefix("Input ")
    return f"{where}: got {error['input']!r}, {message[:1].lower()}{message[1:]}"


def describe(error: ValidationError, fields: list[str]) -> UserError:
    """Turns pydantic's report into one line, field by field."""
    return UserError("; ".join(_one_line(detail, fields) for detail in error.errors()))


class Spec(BaseModel):
    """A frozen, validated part of a recipe.

    Raises:
        UserError: On construction, for an unknown field or an impossible value.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, validate_default=True)

    def __init__(self, **values: Any):
        try:
            super().__init__(**values)
        except ValidationError as error:
            raise describe(error, list(type(self).model_fields)) from None
