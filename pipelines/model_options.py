"""Options of a network on the command line: `--groups 2,1,2` sets its option `groups`."""

from __future__ import annotations

from typing import Any

from kerascnn.errors import UserError, unknown
from kerascnn.models.spec import ModelSpec


def parse(name: str, arguments: list[str]) -> dict[str, Any]:
    """Turns what click did not know into the options of a network; values are checked later.

    Takes `--option value`, `--option=value`, lists with commas, `--flag` and `--no-flag`.

    Args:
        name: The name of the network.
        arguments: As they stand on the command line.

    Raises:
        UserError: For an unknown network or option, or one without its value.
    """
    fields = {key: field for key, field in _spec(name).model_fields.items() if key != "name"}
    options: dict[str, Any] = {}
    left = list(arguments)
    while left:
        argument = left.pop(0)
        flag, equals, value = argument.partition("=")
        key = flag.removeprefix("--").replace("-", "_")
        if not flag.startswith("--"):
            raise UserError(f"unexpected argument '{argument}': options are --name value")
        if key.startswith("no_") and key not in fields and not equals:
            key, equals, value = key.removeprefix("no_"), "=", "false"
        if key not in fields:
            known = [f"--{field.replace('_', '-')}" for field in fields]
            raise unknown(f"option of {name}", flag, known)
        annotation = fields[key].annotation
        if not equals:
            if left and not left[0].startswith("--"):
                value = left.pop(0)
            elif annotation is bool:
                value = "true"
            else:
                raise UserError(f"{flag}: needs a value")
        if "tuple" in str(annotation):
            options[key] = [part for part in value.split(",") if part]
        else:
            options[key] = None if value == "none" and "None" in str(annotation) else value
    return options


def _spec(name: str) -> type[ModelSpec]:
    return type(ModelSpec(name=name).resolved())
