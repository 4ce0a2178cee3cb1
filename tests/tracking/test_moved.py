"""A store that was moved or copied: its runs' artifacts are those beside it."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from kerascnn import tracking
from kerascnn.recipe import load_recipe
from kerascnn.tracking.store import EXPERIMENT, open_client

MAKE_RUN = """
from kerascnn import tracking
from kerascnn.recipe import load_recipe
recipe = load_recipe({"model": {"name": "mlp"}, "data": {"name": "digits"}})
with tracking.start_run(recipe, "run", {}, {}):
    pass
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A working directory with a run, its name hard for URIs."""
    place = tmp_path / "first 100% ü"
    place.mkdir()
    # A process of its own: MLflow remembers where it has put a run's artifacts.
    path = os.pathsep.join(sys.path)
    script = [sys.executable, "-c", MAKE_RUN]
    subprocess.run(script, cwd=place, env={**os.environ, "PYTHONPATH": path}, check=True)
    return place


@pytest.mark.ci
def test_a_moved_store_keeps_its_artifacts_and_takes_new_ones(
    project: Path, work_in: Callable[[Path], Path]
) -> None:
    moved = project.with_name("second")
    project.rename(moved)
    work_in(moved)
    run = tracking.load_run("run")
    assert run.artifact("recipe.yaml").is_relative_to(moved)
    assert run.recipe.model.name == "mlp"
    with tracking.resume_run(run, {}) as active:
        (moved / "new").mkdir()
        (moved / "new" / "file.txt").write_text("text")
        active.log_files(moved / "new")
    assert run.artifact("file.txt").read_text() == "text"
    with tracking.start_run(run.recipe, "another", {}, {}):
        pass
    assert tracking.load_run("another").artifact("recipe.yaml").is_relative_to(moved)
    assert not project.exists()


@pytest.mark.ci
def test_a_copy_has_its_own(project: Path, work_in: Callable[[Path], Path]) -> None:
    copy = project.with_name("copy")
    shutil.copytree(project, copy)
    for place in (copy, project):
        work_in(place)
        assert tracking.load_run("run").artifact("recipe.yaml").is_relative_to(place)


def test_artifacts_that_were_elsewhere_stay_there(
    tmp_path: Path, work_in: Callable[[Path], Path]
) -> None:
    """Whoever made the experiment said where."""
    place = tmp_path / "first"
    (place / "mlruns" / "artifacts").mkdir(parents=True)
    work_in(place)
    client = open_client(create=True)
    assert client is not None
    elsewhere = (tmp_path / "disk").as_uri()
    with sqlite3.connect(place / "mlruns" / "mlflow.db") as connection:
        connection.execute(
            "UPDATE experiments SET artifact_location = ? WHERE name = ?", (elsewhere, EXPERIMENT)
        )
    connection.close()
    recipe = load_recipe({"model": {"name": "mlp"}, "data": {"name": "digits"}})
    with tracking.start_run(recipe, "run", {}, {}):
        pass
    place.rename(tmp_path / "second")
    work_in(tmp_path / "second")
    assert tracking.load_run("run").artifact("recipe.yaml").is_relative_to(tmp_path / "disk")
