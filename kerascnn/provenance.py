"""Where a run came from: code, versions, hardware."""

from __future__ import annotations

import importlib.metadata
import platform
import subprocess

import psutil

from kerascnn.hardware import hardware

_PACKAGES = ("kerascnn", "tensorflow", "keras", "numpy")


# A repository may name a program that git runs to see what has changed: not for this.
_OWN_CONFIGURATION = ("-c", "core.fsmonitor=false", "-c", "core.hooksPath=/dev/null")


def _git(*arguments: str) -> str | None:
    try:
        done = subprocess.run(
            ["git", *_OWN_CONFIGURATION, *arguments],
            capture_output=True,
            text=True,
            timeout=10,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip()


def tags() -> dict[str, str]:
    """Returns the git commit and whether the tree was dirty, versions and hardware."""
    found = {
        "python": platform.python_version(),
        "hardware": hardware(),
        "memory_gib": f"{psutil.virtual_memory().total / 2**30:.0f}",
    }
    found |= {name: importlib.metadata.version(name) for name in _PACKAGES}
    commit = _git("rev-parse", "HEAD")
    if commit:
        found |= {"git_commit": commit, "git_dirty": str(bool(_git("status", "--porcelain")))}
    return found
