"""Every registered network on the smallest images that it takes, made narrow."""

from __future__ import annotations

import functools
import re
from typing import Any

from kerascnn import build_model
from kerascnn.errors import UserError
from kerascnn.models.registry import ModelEntry, models
from kerascnn.models.spec import ModelSpec

CLASSES = 3


def small_options(entry: ModelEntry, *, blocks: int = 6) -> dict[str, Any]:
    """Options that make the network narrow, and its stages no deeper than so many blocks."""
    fields = type(ModelSpec(name=entry.name)).model_fields
    options: dict[str, Any] = {}
    for name, width in (("dense", 8), ("filters", 4)):
        if name in fields:
            usual = fields[name].default
            options[name] = [width] * len(usual) if isinstance(usual, tuple) else width
    if "n" in fields:
        options["n"] = min(fields["n"].default, blocks + blocks // 2)
    if "blocks" in fields:
        options["blocks"] = [min(count, blocks) for count in fields["blocks"].default]
    return options


@functools.cache
def smallest_shape(name: str) -> tuple[int, int, int]:
    """As the error for a single pixel names it."""
    entry = models()[name]
    channels = entry.input_shape[-1]
    pixel: dict[str, Any] = {"input_shape": (1, 1, channels), "classes": CLASSES}
    try:
        build_model(entry.name, **pixel, abstract=True, **small_options(entry))
    except UserError as error:
        message = str(error)
    else:
        return 9, 9, channels
    if entry.name == "convnet":  # says instead how the network has to change
        assert message == "pool1 would get a 1x1 map: use at most 0 stages for 1x1 input"
        return 9, 9, channels
    found = re.fullmatch(
        rf"{entry.name}: \w+ would get a \d+x\d+ map, smaller than its \d+x\d+ window; "
        r"the smallest input is (\d+)x\1",
        message,
    )
    assert found, message
    return int(found[1]), int(found[1]), channels
