"""Lists of images to leave out or to relabel: written, read, and what loading makes of them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from kerascnn.data.fix_list import Fix, fixed, read_fixes, write_fixes
from kerascnn.data.loading import load
from kerascnn.data.spec import DataSpec
from kerascnn.errors import UserError

FIXES = [Fix("a/1.png", "broken: is\tempty\n"), Fix("a/ü.png", "likely b, not a", "b")]


def test_what_is_written_is_read(tmp_path: Path) -> None:
    path = tmp_path / "fix.txt"
    assert write_fixes(FIXES, path) == 2
    assert path.read_text("utf-8") == ("a/1.png\tbroken: is empty\na/ü.png\tlikely b, not a\tb\n")
    found = read_fixes(path)
    assert found["a/1.png"] == Fix("a/1.png", "broken: is empty")
    assert found["a/ü.png"] == FIXES[1]
    path.write_bytes(b"\xef\xbb\xbfa/1.png\r\n\r\nb/2.png\r\n")  # names alone, by an editor
    assert read_fixes(path) == {name: Fix(name, "") for name in ("a/1.png", "b/2.png")}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"a\tb\tc\td\n", "line 1 must be a name, a tab and the reason"),
        (b"a.png\n\treason\n", "line 2 must be a name"),
        (b"a.png\nb.png\na.png\tx\n", "line 3 names a.png again"),
        (b"\xff\xfe", "codec can't decode"),
    ],
)
def test_lists_that_are_none(content: bytes, message: str, tmp_path: Path) -> None:
    (tmp_path / "fix.txt").write_bytes(content)
    with pytest.raises(UserError, match=message):
        read_fixes(tmp_path / "fix.txt")


def test_what_cannot_be_written(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="a name with a tab or line break"):
        write_fixes([Fix("a\tb.png", "broken")], tmp_path / "fix.txt")
    with pytest.raises(UserError, match="there is no folder"):
        write_fixes(FIXES, tmp_path / "gone" / "fix.txt")
    assert list(tmp_path.iterdir()) == []


def test_rows_are_left_out_or_relabelled() -> None:
    fixes = {"1": Fix("1", ""), "2": Fix("2", "", "dog"), "9": Fix("9", "")}
    rows, labels = fixed(fixes, ["0", "1", "2", "3"], np.array([0, 0, 0, 1]), ("cat", "dog"))
    assert rows.tolist() == [0, 2, 3]
    assert labels.tolist() == [0, 1, 1]
    with pytest.raises(UserError, match="unknown class 'dgo': did you mean dog"):
        fixed({"0": Fix("0", "", "dgo")}, ["0"], np.array([0]), ("cat", "dog"))


def test_images_of_several_labels_can_only_be_left_out() -> None:
    labels = np.array([[1, 1], [0, 1], [1, 0]], np.float32)
    rows, left = fixed({"1": Fix("1", "broken")}, ["0", "1", "2"], labels, ("cat", "dog"))
    assert rows.tolist() == [0, 2]
    assert left.tolist() == [[1, 1], [1, 0]]
    with pytest.raises(UserError, match="the fix of 1 gives it one label, and images have several"):
        fixed({"1": Fix("1", "", "cat")}, ["0", "1", "2"], labels, ("cat", "dog"))


def _members(data) -> dict[str, dict[str, str]]:
    return {
        name: {
            example: data.classes[label]
            for example, label in zip(split.images.identities(), split.labels, strict=True)
        }
        for name, split in data.splits.items()
    }


def test_a_folder_is_loaded_without_them(image_folder: Callable[..., Path]) -> None:
    root = image_folder({"a": 20, "b": 20})
    (root / "a" / "000.png").write_text("no image")
    fixes = root.parent / "fix.txt"
    plain = load(DataSpec(name=f"folder:{root}", skip_broken=True))
    write_fixes(
        [Fix("a/000.png", "broken"), Fix("a/001.png", "x"), Fix("b/002.png", "x", "a")], fixes
    )
    spec = DataSpec(name=f"folder:{root}", fix_list=str(fixes))
    data = load(spec)
    expected = _members(plain)
    for members in expected.values():  # all others stay in the split that they were in
        members.pop("a/001.png", None)
        if "b/002.png" in members:
            members["b/002.png"] = "a"
    assert _members(data) == expected
    assert data.fingerprint != plain.fingerprint
    assert load(spec).fingerprint == data.fingerprint
    fixes.write_text("a/000.png\na/1.png\n")
    with pytest.raises(UserError, match="has no image a/1.png"):
        load(spec)
    fixes.write_text("".join(f"a/{i:03}.png\n" for i in range(20)))
    with pytest.raises(UserError, match="leaves no training image of class 'a'"):
        load(spec)
    fixes.write_text("a/001.png\n")
    with pytest.raises(UserError, match="1 of 40 image files cannot be read: a/000.png"):
        load(spec)


def test_sets_that_are_no_files_are_mended_by_number_and_id(tfds_set: str, tmp_path: Path) -> None:
    for name in ("digits", tfds_set):
        before = _members(load(DataSpec(name=name)))
        gone = next(iter(before["test"]))
        (tmp_path / "fix.txt").write_text(f"{gone}\twrong\n")
        after = _members(load(DataSpec(name=name, fix_list=str(tmp_path / "fix.txt"))))
        assert before["test"].pop(gone)
        assert after == before
