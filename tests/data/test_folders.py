"""Folders and CSV files: what is listed, and what is refused."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from kerascnn.data.folders import find_images, scan_csv, scan_folder, scan_label_sets
from kerascnn.data.images import IMAGE_ENDINGS
from kerascnn.errors import UserError


def touch(root: Path, *names: str) -> Path:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()
    return root


def test_a_folder_per_class(tmp_path: Path) -> None:
    touch(tmp_path, "zebra/1.png", "ant/deep/er/2.JPG", "ant/3", "Äpfel/4.webp")
    touch(tmp_path, "ant/.hidden.png", ".git/5.png", "ant/notes.txt", "ant/.thumbs/6.png")
    found = scan_folder(tmp_path)
    assert found.classes == ("ant", "zebra", "Äpfel")
    paths, labels = found.splits["train"]
    assert paths == ("ant/3", "ant/deep/er/2.JPG", "zebra/1.png", "Äpfel/4.webp")
    np.testing.assert_array_equal(labels, [0, 0, 1, 2])
    assert list(found.splits) == ["train"]


@pytest.mark.parametrize("validation", ["val", "Validation", "valid"])
def test_splits_are_recognised(validation: str, tmp_path: Path) -> None:
    touch(tmp_path, "train/a/1.png", "train/b/2.png", f"{validation}/b/3.png", "test/a/4.png")
    found = scan_folder(tmp_path)
    assert found.classes == ("a", "b")
    assert found.splits["validation"][0] == (f"{validation}/b/3.png",)
    assert found.splits["validation"][1].tolist() == [1]
    assert found.splits["test"][1].tolist() == [0]


def test_classes_that_are_named_like_splits(tmp_path: Path) -> None:
    touch(tmp_path, "train/1.png", "bus/2.png")
    assert scan_folder(tmp_path).classes == ("bus", "train")


def test_symlinks_are_followed_but_not_in_circles(tmp_path: Path) -> None:
    touch(tmp_path, "elsewhere/1.png", "set/a/2.png", "set/b/3.png")
    (tmp_path / "set/a/link").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "set/a/round").symlink_to(tmp_path / "set/a")
    (tmp_path / "set/b/file.png").symlink_to(tmp_path / "elsewhere/1.png")
    paths = scan_folder(tmp_path / "set").splits["train"][0]
    assert paths == ("a/2.png", "a/link/1.png", "b/3.png", "b/file.png")


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ([], "is empty; it must hold a folder of images per class"),
        (["a/1.png"], "at least two, and holds only 'a'"),
        (["1.png"], "at least two, and holds none"),
        (["a/1.png", "b/notes.txt"], "b: class folder without images"),
        (["train/a/1.png", "val/a/1.png"], "train: must hold a folder per class"),
        (
            ["train/a/1.png", "train/b/1.png", "val/a/1.png", "val/c/1.png"],
            "val: class 'c' is not in",
        ),
        (["train/a/1.png", "train/b/1.png", "test/1.png"], "test: holds no class folders"),
    ],
)
def test_folders_that_do_not_do(files: list[str], message: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=message):
        scan_folder(touch(tmp_path, *files))


def test_no_folder(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="gone: no such folder"):
        scan_folder(tmp_path / "gone")
    with pytest.raises(UserError, match=r"file\.png: is not a folder"):
        scan_folder(touch(tmp_path, "file.png") / "file.png")


def _csv(root: Path, text: str) -> Path:
    touch(root, "1.png", "sub/2.png", "3.png")
    (root / "table.csv").write_text(text, encoding="utf-8")
    return root / "table.csv"


def test_csv(tmp_path: Path) -> None:
    found = scan_csv(_csv(tmp_path, "path,label\n1.png,dog\nsub/2.png, cat\n\n3.png,dog\n"))
    assert found.root == tmp_path
    assert found.classes == ("cat", "dog")
    assert found.splits["train"][0] == ("1.png", "sub/2.png", "3.png")
    assert found.splits["train"][1].tolist() == [1, 0, 1]
    split = scan_csv(_csv(tmp_path, "1.png,dog,train\nsub/2.png,cat,\n3.png,dog,val\n"))
    assert split.splits["validation"][0] == ("3.png",)
    assert split.splits["train"][1].tolist() == [1, 0]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("1.png\n", "row 1 must be path,label and is '1.png'"),
        ("1.png,a\nsub/2.png,\n", "row 2 must be path,label"),
        ("1.png,a\n4.png,b\n", "row 2: no such file: 4.png"),
        ("1.png,a\n3.png,a\n", "in its training rows, and holds only 'a'"),
        ("", "holds none"),
        ("1.png,a,trian\n", "row 1: split must be train, val or test, got 'trian'"),
        ("1.png,a\n3.png,b, c\n", "row 2: split .* got 'c'; an image has one label"),
        ("1.png,a\n3.png,a|b\n", r"row 2: 'a\|b' looks like several labels, and an image has one"),
        ("path,label\n1.png,a;b\n3.png,a\n", "row 1: 'a;b' looks .* write it without ';'"),
        ('1.png,a\n3.png,"a, b"\n', "row 2: 'a, b' looks .* write it without ','"),
        ("1.png,a\n3.png,b\nsub/2.png,c,test\n", "class 'c' has no training rows"),
        ("1.png,a|b\n3.png,a\n", r"train --labels several \(data.labels\)"),
        ("path,cat,dog,owl,elk\n1.png,1,0,0,0\n", "columns path and cat, dog, owl, .*--labels sev"),
    ],
)
def test_csv_files_that_do_not_do(text: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=message):
        scan_csv(_csv(tmp_path, text))


def test_csv_of_several_labels_in_both_forms(tmp_path: Path) -> None:
    lists = "path,label,split\n1.png,dog|cat,\nsub/2.png,,\n3.png,dog;dog,val\n"
    columns = "path,split,dog,cat\n1.png,,1,1\nsub/2.png,train,0,0\n3.png,val,1.0,0.0\n"
    for text in (lists, columns, "\ufeff" + lists):
        found = scan_label_sets(_csv(tmp_path, text))
        assert found.classes == ("cat", "dog")
        assert found.splits["train"][0] == ("1.png", "sub/2.png")
        assert found.splits["train"][1].tolist() == [[1, 1], [0, 0]]
        assert found.splits["train"][1].dtype == np.float32
        assert found.splits["validation"][1].tolist() == [[0, 1]]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("1.png,a|b\n4.png,b\n", "row 2: no such file: 4.png"),
        ("1.png,a\n3.png,a\n", "two labels or more in its training rows, and holds only 'a'"),
        ("1.png,\n3.png,\n", "holds none"),
        ("1.png,a|b,trian\n", "row 1: split must be train, val or test, got 'trian'"),
        ("1.png,a|b\n3.png,a|c,test\n", "class 'c' has no training rows"),
    ],
)
def test_csv_files_of_several_labels_that_do_not_do(
    text: str, message: str, tmp_path: Path
) -> None:
    with pytest.raises(UserError, match=message):
        scan_label_sets(_csv(tmp_path, text))


def test_csv_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"gone\.csv: No such file"):
        scan_csv(tmp_path / "gone.csv")
    (tmp_path / "binary.csv").write_bytes(b"\xff\xfe\x00\x81")
    with pytest.raises(UserError, match=r"binary\.csv: "):
        scan_csv(tmp_path / "binary.csv")


def test_listed_folders_hold_images(image_folder: Callable[..., Path]) -> None:
    assert len(scan_folder(image_folder({"a": 3, "b": 4})).splits["train"][0]) == 7


def test_folders_are_searched_for_images_and_files_taken_as_they_are(tmp_path: Path) -> None:
    touch(tmp_path, "in/b.PNG", "in/deep/er/a.jpeg", "in/a.webp", "in/notes.txt", "in/.hid.png")
    named = touch(tmp_path, "no-image.txt") / "no-image.txt"
    found = find_images([named, tmp_path / "in", str(tmp_path / "in" / "b.PNG")])
    assert [path.relative_to(tmp_path).as_posix() for path in found] == [
        "no-image.txt", "in/a.webp", "in/b.PNG", "in/deep/er/a.jpeg", "in/b.PNG"
    ]  # fmt: skip
    assert find_images([]) == []


def test_every_ending_of_an_image_is_known(tmp_path: Path) -> None:
    touch(tmp_path, *(f"a{ending}" for ending in IMAGE_ENDINGS))
    assert find_images([tmp_path]) == sorted(tmp_path.iterdir())


def test_paths_that_hold_nothing(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"gone.png: no such file or folder"):
        find_images([tmp_path / "gone.png"])
    touch(tmp_path, "notes.txt")
    with pytest.raises(UserError, match=r"a folder without images \(.*\.jpg.*\)"):
        find_images([tmp_path])
