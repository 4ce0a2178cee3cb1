"""Names of data sets, without TensorFlow."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from kerascnn.data import sources
from kerascnn.data.early_checks import check_source
from kerascnn.data.spec import DataSpec
from kerascnn.errors import UserError


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("digits", "digits"),
        ("mnist", "tfds"),
        ("emnist/letters", "tfds"),
        ("beans", "tfds"),  # ships with TFDS, not in our table
        ("folder:some/where", "folder"),
        ("folder:~/übung x", "folder"),
        ("csv:a.csv", "csv"),
    ],
)
def test_names(name: str, kind: str) -> None:
    assert sources.parse(name).kind == kind


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("mnst", "unknown data set 'mnst': did you mean mnist"),
        ("CIFAR-10", "unknown data set 'CIFAR-10': "),
        ("folders:x", "unknown kind of data 'folders': did you mean folder"),
        ("folder:", "'folder:': must be folder:PATH"),
        ("", "unknown data set ''"),
    ],
)
def test_names_that_are_none(name: str, message: str) -> None:
    with pytest.raises(UserError, match=message):
        DataSpec(name=name)


def test_a_folder_without_its_prefix(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "photos").mkdir()
    monkeypatch.chdir(tmp_path)
    for name in ("photos", "./photos", str(tmp_path)):
        with pytest.raises(UserError, match=f"a folder is written folder:{name}"):
            sources.parse(name)


def test_prepared_sets_are_known(tfds_set: str) -> None:
    assert sources.parse(tfds_set).kind == "tfds"
    known = {entry.name: entry for entry in sources.known_sets()}
    assert known["shapes"].prepared
    assert not known["mnist"].prepared
    assert known["digits"].prepared


def test_check_opens_no_image(tmp_path: Path, image_folder: Callable[..., Path]) -> None:
    check_source("mnist")
    check_source(f"folder:{image_folder({'a': 1, 'b': 1})}")
    with pytest.raises(UserError, match="no such folder"):
        check_source(f"folder:{tmp_path / 'gone'}")


def test_names_are_checked_without_tensorflow(image_folder: Callable[..., Path]) -> None:
    folder = image_folder({"a": 1, "b": 1})
    code = (
        "import sys; from kerascnn.data.early_checks import check_source\n"
        "from kerascnn.data.spec import DataSpec\n"
        f"for name in ('mnist', 'folder:{folder}'): DataSpec(name=name); check_source(name)\n"
        "print([m for m in ('tensorflow', 'keras', 'tensorflow_datasets') if m in sys.modules])"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "[]"
