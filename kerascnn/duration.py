"""Spans of time as people write them: 90, "10m", "1h30m"."""

from __future__ import annotations

import re
from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from kerascnn.errors import UserError

_PARTS = re.compile(r"(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m)?(?:(\d+(?:\.\d+)?)s?)?")
_SECONDS = (86_400, 3_600, 60, 1)


def parse_duration(value: Any) -> Any:
    """Returns the seconds that "1h30m", "10m", "45s" or a number mean; other types as they are.

    Raises:
        UserError: For text that means no span of time.
    """
    if not isinstance(value, str):
        return value
    match = _PARTS.fullmatch(value.strip().lower())
    if not match or not any(match.groups()):
        raise UserError(f"got '{value}', must be seconds or such as 10m or 1h30m")
    parts = zip(match.groups(), _SECONDS, strict=True)
    return sum(float(number) * unit for number, unit in parts if number)


def format_duration(seconds: float) -> str:
    """Returns a span of time with its two largest units: "1h30m", "2m05s", "12s"."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole}s"
    if whole < 3_600:
        return f"{whole // 60}m{whole % 60:02}s"
    minutes = round(seconds / 60)
    if minutes < 24 * 60:
        return f"{minutes // 60}h{minutes % 60:02}m"
    hours = round(seconds / 3_600)
    return f"{hours // 24}d{hours % 24:02}h"


Seconds = Annotated[float, BeforeValidator(parse_duration), Field(gt=0, le=1e10)]
