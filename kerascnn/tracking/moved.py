"""A store whose folder was moved or copied: its artifacts are those that lie beside it now.

MLflow writes down the whole path of every run's artifacts. It has no way to change them, so this is
done in its database, in one transaction.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
from pathlib import Path

ARTIFACTS = "artifacts"  # the folder beside the database


def follow(database: Path, experiment: str) -> None:
    """Points the runs of an experiment to the artifacts beside the database, where it was moved.

    Args:
        database: The path of the SQLite file.
        experiment: The name of the experiment.
    """
    own = database.parent / ARTIFACTS
    if not own.is_dir() or not os.access(database, os.W_OK):
        return
    with (
        contextlib.suppress(sqlite3.Error),  # MLflow tells what is wrong
        contextlib.closing(sqlite3.connect(database, timeout=5)) as connection,
        connection,
    ):
        found = connection.execute(
            "SELECT experiment_id, artifact_location FROM experiments WHERE name = ?", (experiment,)
        ).fetchone()
        new = own.as_uri()
        if found is None or found[1] == new or not _was_beside(found[1]):
            return
        number, old = found
        connection.execute(
            "UPDATE experiments SET artifact_location = ? WHERE experiment_id = ?", (new, number)
        )
        connection.execute(
            "UPDATE runs SET artifact_uri = ? || substr(artifact_uri, ?) "
            "WHERE experiment_id = ? AND substr(artifact_uri, 1, ?) = ?",
            (new, len(old) + 1, number, len(old), old),
        )
        connection.execute(
            "UPDATE logged_models SET artifact_location = ? || substr(artifact_location, ?) "
            "WHERE experiment_id = ? AND substr(artifact_location, 1, ?) = ?",
            (new, len(old) + 1, number, len(old), old),
        )
        connection.execute(
            "UPDATE model_versions SET storage_location = ? || substr(storage_location, ?) "
            "WHERE substr(storage_location, 1, ?) = ?",
            (new, len(old) + 1, len(old), old),
        )


def _was_beside(location: str) -> bool:
    """Whether artifacts lay beside a database, as kerascnn puts them."""
    return location.startswith("file:") and location.rpartition("/")[2] == ARTIFACTS
