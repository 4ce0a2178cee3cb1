"""Where a run came from: code, versions, hardware."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import subprocess
from pathlib import Path

import psutil

from kerascnn.backend import tf

_PACKAGES = ("kerascnn", "tensorflow", "keras", "numpy")


def _git(*arguments: str) -> str | None:
    try:
        done = subprocess.run(
            ["git", *arguments], capture_output=True, text=True, timeout=10, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip()


def _processor() -> str:
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()


def hardware() -> str:
    """Returns the processor, its threads and any GPUs, on one line."""
    gpus = [
        tf.config.experimental.get_device_details(gpu).get("device_name", gpu.name)
        for gpu in tf.config.list_physical_devices("GPU")
    ]
    threads = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return ", ".join([f"{_processor()} ({threads} threads)", *gpus])


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
