"""Values that are longer than a tag may be, in several: they go into the store with their run."""

from __future__ import annotations

import itertools
import json
from collections.abc import Mapping
from typing import Any

LONGEST = 4000  # characters of a tag; MLflow takes 8000


def long_tags(name: str, values: Any) -> dict[str, str]:
    """Returns tags that together hold plain values as JSON: NAME.0, NAME.1 and so on."""
    text = json.dumps(values)  # in ASCII: it may be cut anywhere
    starts = range(0, len(text), LONGEST)
    return {f"{name}.{n}": text[start : start + LONGEST] for n, start in enumerate(starts)}


def long_value(name: str, tags: Mapping[str, str]) -> Any:
    """Returns what tags of `long_tags` hold.

    Raises:
        KeyError: If there are none of that name.
    """
    if f"{name}.0" not in tags:
        raise KeyError(name)
    parts = (tags.get(f"{name}.{number}", "") for number in itertools.count())
    return json.loads("".join(itertools.takewhile(bool, parts)))
