"""Values that are cut into several tags."""

from __future__ import annotations

import pytest

from kerascnn.tracking.long_tags import LONGEST, long_tags, long_value


@pytest.mark.parametrize("length", [0, 1, LONGEST - 2, LONGEST - 1, LONGEST, 3 * LONGEST])
def test_a_value_of_any_length_reads_back(length: int) -> None:
    values = {"text": "ü\udcff'\""[: length % 5] + "x" * length, "none": None, "list": [1, 0.1]}
    tags = long_tags("plan", values)
    assert all(len(text) <= LONGEST and text.isascii() for text in tags.values())
    assert long_value("plan", {"other": "x", **tags}) == values


def test_no_value() -> None:
    with pytest.raises(KeyError):
        long_value("plan", {"planned.0": "1", "plan": "2"})
