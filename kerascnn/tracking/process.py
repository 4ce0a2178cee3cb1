"""Which process writes a run, and whether it still lives."""

from __future__ import annotations

import os
import platform
from collections.abc import Mapping

import psutil

_HOST, _PROCESS = "kerascnn.host", "kerascnn.process"  # tags; the second: number and start


def own_process() -> dict[str, str]:
    """Returns the tags that name this process."""
    process = psutil.Process()
    return {_HOST: platform.node(), _PROCESS: f"{os.getpid()} {process.create_time():.2f}"}


def is_gone(tags: Mapping[str, str]) -> bool:
    """Whether tags name a process of this machine that has ended."""
    if tags.get(_HOST) != platform.node() or _PROCESS not in tags:
        return False
    number, _, start = tags[_PROCESS].partition(" ")
    try:
        return f"{psutil.Process(int(number)).create_time():.2f}" != start
    except (psutil.NoSuchProcess, ValueError):
        return True
