"""Spans of time."""

from __future__ import annotations

import pytest

from kerascnn.duration import format_duration, parse_duration
from kerascnn.errors import UserError


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("90", 90), ("45s", 45), ("10m", 600), ("1h30m", 5400), ("2d", 172_800), ("1.5s", 1.5)],
)
def test_what_people_write(text: str, seconds: float) -> None:
    assert parse_duration(text) == seconds


def test_what_is_no_text_stays() -> None:
    assert parse_duration(12) == 12


@pytest.mark.parametrize("text", ["", "soon", "10x", "m", "30m1h", "-5"])
def test_what_is_no_span_is_refused(text: str) -> None:
    with pytest.raises(UserError, match=f"^got '{text}', must be seconds or such as 10m or 1h30m"):
        parse_duration(text)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.4, "0s"),
        (59, "59s"),
        (59.7, "1m00s"),
        (125, "2m05s"),
        (5400, "1h30m"),
        (183_600, "2d03h"),
    ],
)
def test_the_two_largest_units(seconds: float, text: str) -> None:
    assert format_duration(seconds) == text
