"""Where a run came from."""

from __future__ import annotations

import platform
import subprocess
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf

from kerascnn import provenance


def git(*arguments: str) -> str:
    identity = ["-c", "user.name=t", "-c", "user.email=t@example.org"]
    done = subprocess.run(
        ["git", *identity, *arguments], capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


def test_versions_and_hardware(workplace: Path) -> None:
    tags = provenance.tags()
    assert tags["python"] == platform.python_version()
    assert tags["tensorflow"] == tf.__version__
    assert tags["keras"] == keras.__version__
    assert tags["numpy"] == np.__version__
    assert "threads)" in tags["hardware"]
    total = float(Path("/proc/meminfo").read_text().split()[1]) / 2**20
    assert float(tags["memory_gib"]) == pytest.approx(total, abs=0.51)
    assert all(isinstance(value, str) for value in tags.values())


def test_the_commit_and_whether_files_differ_from_it(workplace: Path) -> None:
    git("init", "-q")
    (workplace / "model.py").write_text("filters = 3\n")
    git("add", "-A")
    git("commit", "-qm", "one")
    tags = provenance.tags()
    assert tags["git_commit"] == git("rev-parse", "HEAD")
    assert tags["git_dirty"] == "False"
    (workplace / "model.py").write_text("filters = 4\n")
    assert provenance.tags()["git_dirty"] == "True"


def test_outside_a_repository_and_without_git(workplace: Path, monkeypatch) -> None:
    assert not any(name.startswith("git") for name in provenance.tags())
    git("init", "-q")  # of which no commit is known yet
    assert not any(name.startswith("git") for name in provenance.tags())
    monkeypatch.setenv("PATH", "")
    assert not any(name.startswith("git") for name in provenance.tags())
