"""What is found in image files, and how it is remembered."""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from kerascnn.data import inventory
from kerascnn.data.images import JPEG, OTHER, PNG
from kerascnn.data.inventory import ImageFacts, inspect, inspect_all, progress
from kerascnn.data.near_duplicates import perceptual_hash
from tests.data.pictures import picture

RGB = picture(20, 30)


@pytest.fixture(autouse=True)
def memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file where facts are remembered, which is not there yet."""
    monkeypatch.setenv("KERASCNN_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache" / "images.db"


def _turned(orientation: int) -> Image.Exif:
    exif = Image.Exif()
    exif[0x0112] = orientation
    return exif


def _save(path: Path, pixels: np.ndarray = RGB, **options: Any) -> Path:
    Image.fromarray(pixels).save(path, **options)
    return path


@pytest.mark.parametrize(
    ("name", "pixels", "options", "expected"),
    [
        ("a.png", RGB, {}, ("PNG", "RGB", 30, 20, PNG)),
        ("a.jpg", RGB, {}, ("JPEG", "RGB", 30, 20, JPEG)),
        ("grey.jpg", RGB[..., 0], {}, ("JPEG", "L", 30, 20, JPEG)),
        ("wrong.jpg", RGB, {"format": "PNG"}, ("PNG", "RGB", 30, 20, PNG)),
        ("a.bmp", RGB, {}, ("BMP", "RGB", 30, 20, OTHER)),
        # Pillow's doing where TensorFlow's decoder would give something else.
        ("sixteen.png", RGB[..., 0].astype(np.uint16), {}, ("PNG", "I;16", 30, 20, OTHER)),
        ("clear.png", np.dstack([RGB, RGB[..., 0]]), {}, ("PNG", "RGBA", 30, 20, OTHER)),
        ("upright.jpg", RGB, {"exif": _turned(1)}, ("JPEG", "RGB", 30, 20, JPEG)),
        ("turned.jpg", RGB, {"exif": _turned(6)}, ("JPEG", "RGB", 20, 30, OTHER)),
    ],
)
def test_format_kind_size_and_decoder(name, pixels, options, expected, tmp_path: Path) -> None:
    path = _save(tmp_path / name, pixels, **options)
    facts = inspect(path)
    found = (facts.format, facts.mode, facts.width, facts.height, facts.decoder)
    assert found == expected
    assert facts.fault is None
    assert facts.size == path.stat().st_size


def test_faults(tmp_path: Path) -> None:
    (tmp_path / "text.png").write_text("no image")
    (tmp_path / "empty.png").touch()
    whole = _save(tmp_path / "whole.png").read_bytes()
    (tmp_path / "cut.png").write_bytes(whole[: len(whole) // 2])
    faults = {
        name: inspect(tmp_path / name).fault for name in ("text.png", "empty.png", "gone.png", ".")
    }
    assert faults == {
        "text.png": "is not an image",
        "empty.png": "is empty",
        "gone.png": "no such file or directory",
        ".": "is a directory",
    }
    cut = inspect(tmp_path / "cut.png")
    assert "truncated" in (cut.fault or "")
    assert (cut.pixels, cut.width) == ("", 0)


def test_the_same_picture_stored_otherwise_has_the_same_pixels(tmp_path: Path) -> None:
    png = inspect(_save(tmp_path / "a.png"))
    bmp = inspect(_save(tmp_path / "a.bmp"))
    lying = inspect(_save(tmp_path / "b.png", np.ascontiguousarray(np.rot90(RGB)), exif=_turned(6)))
    assert png.pixels == bmp.pixels == lying.pixels
    assert len({png.digest, bmp.digest, lying.digest}) == 3
    changed = RGB.copy()
    changed[0, 0, 0] ^= 1
    assert inspect(_save(tmp_path / "c.png", changed)).pixels != png.pixels
    reshaped = RGB.reshape(30, 20, 3)
    assert inspect(_save(tmp_path / "d.png", reshaped)).pixels != png.pixels


@pytest.mark.parametrize(
    ("mode", "grey"),
    [("L", True), ("1", True), ("LA", True), ("I;16", True), ("F", True), ("RGB", False),
     ("P", False), ("CMYK", False), ("LAB", False), ("", False)],
)  # fmt: skip
def test_which_kinds_have_no_colour(mode: str, grey: bool) -> None:
    assert ImageFacts("", mode=mode).grey == grey


def test_facts_come_in_order_and_progress_adds_up(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(inventory, "_CHUNK", 4)
    paths = [_save(tmp_path / f"{i}.png", picture(5, 5 + i, seed=i)) for i in range(10)]
    paths.insert(6, tmp_path / "gone.png")
    done: list[int] = []
    facts = list(inspect_all(paths, done.append))
    assert [fact.width for fact in facts] == [5, 6, 7, 8, 9, 10, 0, 11, 12, 13, 14]
    assert done == [4, 4, 3]


def test_a_file_is_read_again_only_when_it_has_changed(tmp_path: Path, monkeypatch) -> None:
    seen: list[str] = []

    def noted(path: Path) -> Any:
        seen.append(path.name)
        return inspect(path)

    monkeypatch.setattr(inventory, "inspect", noted)
    paths = [_save(tmp_path / name) for name in ("a.png", "b.png", "übung.png")]
    (tmp_path / "c.png").write_text("no image")
    paths.append(tmp_path / "c.png")
    first = list(inspect_all(paths))
    assert sorted(seen) == ["a.png", "b.png", "c.png", "übung.png"]
    seen.clear()
    assert list(inspect_all(paths)) == first
    assert seen == []
    _save(paths[0], picture(20, 31))  # of another size
    os.utime(paths[1], (1, 1))  # of another time
    assert [fact.width for fact in inspect_all(paths)] == [31, 30, 30, 0]
    assert sorted(seen) == ["a.png", "b.png"]


def test_perceptual_hashes_are_made_when_asked_for_and_remembered(
    tmp_path: Path, monkeypatch, memory: Path
) -> None:
    paths = [_save(tmp_path / name) for name in ("a.png", "b.png")]
    (tmp_path / "c.png").write_text("no image")
    paths.append(tmp_path / "c.png")
    assert [facts.hash for facts in inspect_all(paths)] == ["", "", ""]
    hashed = list(inspect_all(paths, hashed=True))
    assert [facts.hash for facts in hashed] == [perceptual_hash(RGB)] * 2 + [""]
    with monkeypatch.context() as patch:
        patch.setattr(inventory, "inspect", lambda path, **_: pytest.fail("is read again"))
        assert list(inspect_all(paths, hashed=True)) == hashed
    assert [facts.hash for facts in inspect_all(paths)] == ["", "", ""]
    connection = sqlite3.connect(memory)
    with connection:
        connection.execute("UPDATE hashes SET hash = '0123456789abcdef'")
    connection.close()
    with pytest.warns(UserWarning, match="holds damaged facts"):
        assert list(inspect_all(paths, hashed=True)) == hashed


def test_without_a_usable_memory_everything_is_read(tmp_path: Path, memory: Path) -> None:
    path = _save(tmp_path / "a.png")
    expected = [inspect(path)]
    memory.parent.mkdir()
    memory.write_text("this is no database" * 100)
    with pytest.warns(UserWarning, match="is damaged: set aside as images-damaged.db"):
        assert list(inspect_all([path])) == expected
    assert list(inspect_all([path])) == expected
    memory.unlink()
    with sqlite3.connect(memory) as connection:  # of an older version
        connection.execute("CREATE TABLE images (path TEXT, stamp TEXT)")
    connection.close()
    assert list(inspect_all([path])) == expected


def test_off_a_terminal_there_is_no_bar(capfd) -> None:
    with progress("reading images", 3) as advance:
        advance(3)
    assert capfd.readouterr() == ("", "")
