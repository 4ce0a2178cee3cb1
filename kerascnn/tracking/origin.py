"""Where a run comes from, in the tags that MLflow's pages show; and tags of the user's own."""

from __future__ import annotations

import getpass
import os
import re
import shlex
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path

from kerascnn.errors import UserError
from kerascnn.text import shown

_LONGEST_SOURCE = 500  # characters
_LONGEST_VALUE = 5000
_KEY = re.compile(r"[\w. /-]{1,250}")
# What runs have of kerascnn; the last are of folds, trials and sweeps.
_OURS = (
    "continues", "data_fingerprint", "device_reason", "git_commit", "git_dirty", "hardware",
    "keras", "kerascnn", "memory_gib", "model_source", "model_source_sha256", "numpy",
    "precision_reason", "python", "tensorflow", "error", "fold", "trial", "worker",
)  # fmt: skip


def origin(tags: Mapping[str, str]) -> dict[str, str]:
    """Returns MLflow's tags for program, commit and user.

    Args:
        tags: With the commit, where there is one; see `kerascnn.provenance`.
    """
    found = {"mlflow.source.name": _program(), "mlflow.source.type": "LOCAL"}
    if "git_commit" in tags:
        found["mlflow.source.git.commit"] = tags["git_commit"]
    try:
        found["mlflow.user"] = getpass.getuser()
    except (OSError, KeyError):  # a container may have a number alone
        found["mlflow.user"] = str(os.getuid())
    return found


def _program() -> str:
    """Returns the command line, or what else is running."""
    program, *arguments = sys.argv or [""]
    name = Path(program).name
    if name == "kerascnn" or Path(program).parts[-2:] == ("kerascnn_pipelines", "cli.py"):
        return shlex.join(["kerascnn", *arguments])[:_LONGEST_SOURCE]
    return name or "python"


def read_tags(pairs: Iterable[str]) -> dict[str, str]:
    """Reads tags that a user has given as KEY=VALUE.

    Raises:
        UserError: If one has no =, a key that MLflow does not take, or that kerascnn or MLflow use.
    """
    tags = {}
    for pair in pairs:
        key, equals, value = pair.partition("=")
        if not equals:
            raise UserError(f"--tag: got '{shown(pair)}', must be KEY=VALUE")
        tags[key.strip()] = value.strip()
    check_tags(tags)
    return tags


def check_tags(tags: Mapping[str, str]) -> None:
    """Refuses tags that a run cannot have.

    Raises:
        UserError: As `read_tags`.
    """
    for key, value in tags.items():
        if not _KEY.fullmatch(key):
            raise UserError(
                f"tag: got the name '{shown(key)}', must be letters, digits, and _ . - / or spaces"
            )
        if key in _OURS or key.startswith(("kerascnn.", "mlflow.")):
            raise UserError(f"tag: '{key}' is one that runs have already: choose another name")
        if len(value) > _LONGEST_VALUE:
            raise UserError(
                f"tag {key}: has {len(value):,} characters, may have {_LONGEST_VALUE:,}"
            )
