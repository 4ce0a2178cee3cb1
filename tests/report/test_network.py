"""A run's network: the table of its layers, and its first filters, without TensorFlow."""

from __future__ import annotations

import contextlib
import shutil
from pathlib import Path

import numpy as np
import pytest

from kerascnn import tracking
from kerascnn.errors import UserError
from kerascnn.report.network import (
    LAYERS_FILE,
    MOST_FILTERS,
    first_filters,
    layer_rows,
    layers_of,
)
from kerascnn.report.thumbnails import filter_uri
from kerascnn.run_model import load_model
from kerascnn.tracking import Run
from tests.report.reported import write_model


class _Stored(Run):
    """A run whose artifacts lie in a folder."""

    @property
    def artifact_folder(self) -> Path:
        return Path(self.tags["folder"])

    def artifacts(self, folder: str | None = None) -> list[str]:
        return [path.name for path in self.artifact_folder.iterdir()]


@pytest.fixture
def stored(tmp_path: Path) -> Run:
    return _Stored("0" * 32, "mine", "FINISHED", 0.0, {}, {}, {"folder": str(tmp_path)})


def test_the_table_is_that_of_the_trained_network(trained) -> None:
    run = tracking.load_run("first")
    rows = {row["layer"]: row for row in layer_rows(layers_of(run))}
    assert rows["c1"] == {
        "layer": "c1",
        "what": "conv 5x5",
        "then": "relu",
        "output": "28 × 28 × 6",
        "outputs": 4704,
        "memory": "18.4 KiB",
        "bytes": 18816,
        "parameters": 156,
        "macs": 117_600,
        "field": 5,
    }
    assert layers_of(run)["totals"]["parameters"] == int(run.params["parameters"])


def test_without_its_file_the_table_is_made_of_the_recipe(trained, tmp_path: Path) -> None:
    run = tracking.load_run("first")
    assert run.artifact_folder is not None
    shutil.copytree(run.artifact_folder, tmp_path / "old")
    shutil.copy(run.artifact("model.keras"), tmp_path / "old")  # where version 0.2 had it
    (tmp_path / "old" / LAYERS_FILE).unlink()
    tags = {"folder": str(tmp_path / "old")}
    old = _Stored(run.id, run.name, run.status, run.started, run.params, run.metrics, tags)
    assert layers_of(old) == layers_of(run)


def test_a_damaged_table(stored: Run, tmp_path: Path) -> None:
    (tmp_path / LAYERS_FILE).write_text("{", encoding="utf-8")
    with pytest.raises(UserError, match=r"layers\.json: is damaged"):
        layers_of(stored)


def test_filters_are_those_of_the_model(trained) -> None:
    run = tracking.load_run("first")
    filters = first_filters(run)
    assert filters is not None
    assert (filters.layer, filters.shape, filters.count) == ("c1", (5, 5, 1), 6)
    kernel = np.asarray(load_model(run).model.get_layer("c1").kernel)
    assert filters.pictures == [filter_uri(kernel[..., i]) for i in range(6)]


def test_weights_of_a_fully_connected_layer_are_images(stored: Run, tmp_path: Path) -> None:
    kernel = np.random.default_rng(0).normal(size=(8 * 6 * 3, 120))
    write_model(tmp_path / "model.keras", kernel, image=(8, 6, 3))
    filters = first_filters(stored)
    assert filters is not None
    assert (filters.layer, filters.shape, filters.count) == ("first", (8, 6, 3), 120)
    assert len(filters.pictures) == MOST_FILTERS
    assert filters.pictures[5] == filter_uri(kernel[:, 5].astype("f4").reshape(8, 6, 3))


@pytest.mark.parametrize(
    "kernel",
    [np.zeros((3, 3, 2, 4)), np.zeros((1, 1, 3, 4)), np.zeros((96, 4)), np.zeros((9, 4))],
    ids=["two channels", "single pixels", "too large", "of something else"],
)
def test_filters_that_are_nothing_to_look_at(stored: Run, tmp_path: Path, kernel) -> None:
    image = (96, 1, 1) if len(kernel) == 96 else (8, 8, 3)
    write_model(tmp_path / "model.keras", kernel, image=image)
    assert first_filters(stored) is None


def test_no_model_and_a_damaged_one(stored: Run, tmp_path: Path) -> None:
    for read in (first_filters, layers_of):
        with contextlib.suppress(FileNotFoundError):
            (tmp_path / "model.keras").unlink()
        with pytest.raises(UserError, match=r"run mine \(FINISHED\) has no model\.keras"):
            read(stored)
        (tmp_path / "model.keras").write_bytes(b"PK nonsense")
        with pytest.raises(UserError, match="damaged, or not a .keras file"):
            read(stored)
