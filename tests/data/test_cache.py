"""Where decoded images are kept, and that they are the right ones."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import psutil
import pytest

from kerascnn.data.array_file import ArrayFile, write_array
from kerascnn.data.cache import choose, decoded, memory_budget, pixels_key
from kerascnn.data.images import decode, resize
from kerascnn.data.loading import load
from kerascnn.data.spec import DataSpec
from kerascnn.errors import UserError
from tests.data.splits import array_images, file_images

SHAPE = (10, 14, 3)


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("KERASCNN_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def folder(image_folder: Callable[..., Path]) -> Callable[..., DataSpec]:
    root = image_folder({"a": 10, "b": 10})

    def spec(cache: str, **fields: object) -> DataSpec:
        return DataSpec(name=f"folder:{root}", cache=cache, image_size=SHAPE[:2], **fields)

    return spec


def test_the_budget_is_the_specs_or_a_quarter_of_what_is_free(monkeypatch) -> None:
    monkeypatch.setattr(psutil, "virtual_memory", lambda: SimpleNamespace(available=4000))
    assert memory_budget(DataSpec(name="digits")) == 1000
    assert memory_budget(DataSpec(name="digits", memory_budget=0.5)) == 2**29


def test_auto_keeps_in_memory_what_fits_and_others_do_as_told() -> None:
    def chosen(cache: str, needed: int) -> str:
        return choose(DataSpec(name="digits", cache=cache, memory_budget=2**-20), needed)

    assert [chosen("auto", needed) for needed in (1024, 1025)] == ["memory", "none"]
    for cache in ("memory", "disk", "none"):
        assert chosen(cache, 10**15) == cache


def _rows(kept: Any) -> np.ndarray:
    return kept[np.arange(kept.shape[0])] if isinstance(kept, ArrayFile) else np.asarray(kept)


@pytest.mark.parametrize("where", ["memory", "disk"])
def test_what_is_kept_is_what_the_files_hold(folder, where: str) -> None:
    data = load(folder(where))
    for split in data.splits.values():
        kept = _rows(decoded(data, split, SHAPE))
        assert kept.dtype == np.uint8
        expected = [resize(decode(path.decode()), SHAPE) for path in file_images(split).paths]
        np.testing.assert_array_equal(kept, expected)
        assert decoded(data, split, SHAPE) is split.kept, "it is made once"


@pytest.mark.parametrize("where", ["memory", "disk"])
def test_in_another_shape_it_is_not_kept(folder, where: str) -> None:
    data = load(folder(where))
    split = data.splits["train"]
    assert decoded(data, split, SHAPE) is not None
    assert decoded(data, split, (20, 28, 3)) is None
    assert decoded(data, split, SHAPE) is not None


def test_none_keeps_nothing(folder, cache: Path) -> None:
    data = load(folder("none"))
    assert decoded(data, data.splits["train"], SHAPE) is None
    assert not (cache / "decoded").exists()


def test_arrays_are_kept_whatever_is_asked_for() -> None:
    data = load(DataSpec(name="digits", cache="none"))
    split = data.splits["test"]
    for shape in (data.image_shape, (5, 5, 1)):
        np.testing.assert_array_equal(decoded(data, split, shape), array_images(split).pixels)


def test_a_file_on_disk_is_made_once(folder, cache: Path) -> None:
    data = load(folder("disk"))
    first = decoded(data, data.splits["train"], SHAPE)
    file = cache / "decoded" / f"{pixels_key(data, data.splits['train'], SHAPE)}.npy"
    assert sorted((cache / "decoded").iterdir()) == [file.with_suffix(".json"), file]
    write_array(file, first.shape, [np.full(first.shape, 7, np.uint8)])  # by another process, say
    again = load(folder("disk"))
    kept = _rows(decoded(again, again.splits["train"], SHAPE))
    assert (kept == 7).all(), "it is read, not made anew"


def test_a_file_on_disk_that_is_not_what_was_written_is_made_anew(folder, cache: Path) -> None:
    data = load(folder("disk"))
    expected = _rows(decoded(data, data.splits["train"], SHAPE))
    (file,) = (cache / "decoded").glob("*.npy")
    np.save(file, np.full_like(expected, 7))
    again = load(folder("disk"))
    with pytest.warns(UserWarning, match=rf"^{file}: is damaged: what was kept there is made anew"):
        kept = decoded(again, again.splits["train"], SHAPE)
    np.testing.assert_array_equal(_rows(kept), expected)


def test_every_choice_that_changes_pixels_has_a_file_of_its_own(folder) -> None:
    data = load(folder("disk"))
    train = data.splits["train"]
    keys = [
        pixels_key(data, train, SHAPE),
        pixels_key(data, data.splits["test"], SHAPE),
        pixels_key(data, train, (20, 28, 3)),
    ]
    for fields in (
        {"resize": "pad"},
        {"split_seed": 3},
        {"validation_fraction": 0.2},
        {"test_fraction": 0.2},
        {"train_fraction": 0.5},
        {"train_on_validation": True},
    ):
        other = load(folder("disk", **fields))
        keys.append(pixels_key(other, other.splits["train"], SHAPE))
    assert len(set(keys)) == len(keys)
    assert pixels_key(load(folder("none")), train, SHAPE) == keys[0]


def test_a_file_that_cannot_be_written_is_one_line(folder, cache: Path) -> None:
    cache.mkdir()
    (cache / "decoded").touch()
    data = load(folder("disk"))
    with pytest.raises(UserError, match=r"^data.cache=disk: cannot write .*: .*KERASCNN_CACHE nam"):
        decoded(data, data.splits["train"], SHAPE)


@pytest.mark.parametrize("small_disk", ["32k"], indirect=True)
def test_a_full_disk_is_one_line_and_leaves_no_file(folder, small_disk: Path, monkeypatch) -> None:
    data = load(folder("disk").model_copy(update={"image_size": (60, 60)}))
    monkeypatch.setenv("KERASCNN_CACHE", str(small_disk))
    with pytest.raises(UserError, match=r"cannot write .*: No space left on device; KERASCNN_"):
        decoded(data, data.splits["train"], (60, 60, 3))
    assert not list((small_disk / "decoded").iterdir())
