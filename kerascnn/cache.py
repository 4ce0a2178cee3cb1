"""Where derived data is kept from one process to the next."""

from __future__ import annotations

import os
from pathlib import Path


def cache_folder() -> Path:
    """Returns where derived data is kept: KERASCNN_CACHE, or a folder in the user's cache."""
    given = os.environ.get("KERASCNN_CACHE")
    if given:
        return Path(given).expanduser()
    return Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser() / "kerascnn"
