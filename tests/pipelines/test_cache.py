"""`kerascnn cache`: shows what is kept, empties it, and its bound holds."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from kerascnn.cache import make_room, remember
from kerascnn.data.array_file import write_array


@pytest.fixture(autouse=True)
def folder(workplace: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The cache's folder, which is not there yet."""
    monkeypatch.setenv("KERASCNN_CACHE", str(workplace / "cache"))
    monkeypatch.delenv("KERASCNN_CACHE_LIMIT", raising=False)
    return workplace / "cache"


def _decoded(folder: Path, name: str, size: int, used: int) -> None:
    path = folder / "decoded" / f"{name}.npy"
    write_array(path, (size,), [np.zeros(size, np.uint8)])
    for file in (path, path.with_suffix(".json")):
        os.utime(file, (used, used))


def test_an_empty_cache_is_shown_and_made_nowhere(kerascnn, folder: Path) -> None:
    finished = kerascnn("cache")
    assert (finished.code, finished.err) == (0, "")
    rows = [line.split()[:3] for line in finished.out.splitlines()[1:6]]
    kinds = ("decoded", "features", "statistics", "speeds", "images")
    assert rows == [[kind, "0", "0"] for kind in kinds]
    assert finished.out.splitlines()[-1] == f"{folder}: 0 bytes of at most 20 GiB"
    assert kerascnn("cache", "clear").code == 0
    assert not folder.exists()


def test_what_is_kept_is_shown_and_emptied_by_kind(kerascnn, folder: Path) -> None:
    _decoded(folder, "a", 100_000, 86_400 * 400)
    _decoded(folder, "b", 100_000, 86_400 * 500)
    remember("statistics", "x", [[1.0], [2.0]])
    bystander = folder / "decoded" / "mine.txt"
    bystander.write_text("mine")
    shown = kerascnn("cache").out
    decoded, _, statistics = (line.split() for line in shown.splitlines()[1:4])
    assert decoded[:5] == ["decoded", "2", "196", "KiB", "1971-05-16"]
    assert statistics[:2] == ["statistics", "1"]
    assert "of at most 20 GiB" in shown
    finished = kerascnn("cache", "clear", "decoded")
    assert finished.out == f"{folder}: removed 196 KiB of decoded\n"
    assert [path.name for path in (folder / "decoded").iterdir()] == ["mine.txt"]
    assert len(list((folder / "statistics").iterdir())) == 1
    assert kerascnn("cache", "clear").code == 0
    assert [path for path in folder.rglob("*") if path.is_file()] == [bystander]


def test_a_data_sets_files_are_counted_one_by_one(kerascnn, folder: Path, image_files) -> None:
    assert kerascnn("datasets", "check", image_files).code == 0
    images = next(line for line in kerascnn("cache").out.splitlines() if line.startswith("images"))
    assert images.split()[1] == "20"
    assert kerascnn("cache", "clear", "images").code == 0
    assert not list(folder.glob("images*"))


@pytest.fixture
def image_files(workplace: Path, noise_images) -> Path:
    from PIL import Image

    for number, pixels in enumerate(noise_images(20, 8, 8, 3)):
        path = workplace / "set" / "ab"[number % 2] / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(path)
    return workplace / "set"


def test_what_was_not_used_for_longest_goes_first(folder: Path, monkeypatch) -> None:
    monkeypatch.setenv("KERASCNN_CACHE_LIMIT", "1M")
    for name, used in (("old", 1000), ("new", 3000), ("middle", 2000)):
        _decoded(folder, name, 300_000, used)
    make_room(100_000)
    assert {path.stem for path in (folder / "decoded").iterdir()} == {"old", "middle", "new"}
    make_room(300_000)
    assert {path.stem for path in (folder / "decoded").iterdir()} == {"middle", "new"}
    make_room(2**20)
    assert not list((folder / "decoded").iterdir())


def test_more_than_may_be_kept_is_refused_and_nothing_removed(
    kerascnn, folder: Path, image_files: Path, monkeypatch
) -> None:
    remember("statistics", "x", [1.0])
    monkeypatch.setenv("KERASCNN_CACHE_LIMIT", "100K")
    finished = kerascnn(
        *("train", "mlp", f"folder:{image_files}", "--set", "data.cache=disk"),
        *("--set", "training.epochs=1", "--set", "data.image_size=64"),
    )
    assert finished.code == 2
    assert finished.err.splitlines()[-1].endswith(
        f"are more than the 100 KiB that may be kept in {folder}: set KERASCNN_CACHE_LIMIT to more"
    )
    assert len(list((folder / "statistics").iterdir())) == 1
    assert "of at most 100 KiB" in kerascnn("cache").out


@pytest.mark.parametrize("limit", ["much", "-1G", "1X", "1e9", "9" * 5000, "1.2.3"])
def test_a_limit_that_is_none(kerascnn, limit: str, monkeypatch) -> None:
    monkeypatch.setenv("KERASCNN_CACHE_LIMIT", limit)
    finished = kerascnn("cache")
    assert finished.code == 2
    assert finished.err.startswith("Error: KERASCNN_CACHE_LIMIT: must be a size such as 20G")
    assert finished.err.count("\n") == 1
    assert len(finished.err) < 300
    assert finished.out == ""


@pytest.mark.parametrize(
    ("kind", "message"),
    [("decodd", "did you mean decoded?"), ("x", "known: decoded, features, images, sp")],
)
def test_a_kind_that_is_none(kerascnn, kind: str, message: str) -> None:
    finished = kerascnn("cache", "clear", kind)
    assert finished.code == 2
    assert message in finished.err
