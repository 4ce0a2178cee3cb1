"""What `kerascnn datasets check` finds."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from kerascnn.data.check import Report, check, write_fix_list
from kerascnn.data.folders import scan_folder
from kerascnn.errors import UserError
from tests.data.pictures import picture


@pytest.fixture
def messy(image_folder: Callable[..., Path]) -> tuple[Path, Report]:
    image_folder({"a": 8, "b": 4}, below="train")
    root = image_folder({"a": 2, "b": 2}, below="test")
    (root / "train/a/000.png").write_text("no image")
    Image.fromarray(picture(9, 9)).save(root / "train/a/wrong.jpg", format="PNG")
    shutil.copy(root / "train/a/001.png", root / "train/a/again.png")
    with Image.open(root / "train/b/001.png") as image:  # stored otherwise, and lying on its side
        exif = Image.Exif()
        exif[0x0112] = 6  # to be turned by 90 degrees clockwise
        image.rotate(90, expand=True).save(root / "test/b/leak.png", exif=exif)
    shutil.copy(root / "train/a/002.png", root / "train/b/both.png")
    return root, check(scan_folder(root))


def paths(groups: list) -> list[list[str]]:
    return [[file.path for file in group] for group in groups]


def test_everything_is_found(messy: tuple[Path, Report]) -> None:
    _, report = messy
    assert [(f.path, f.facts.fault) for f in report.broken] == [
        ("train/a/000.png", "is not an image")
    ]
    assert [file.path for file in report.wrong_endings] == ["train/a/wrong.jpg"]
    assert paths(report.duplicates) == [["train/a/001.png", "train/a/again.png"]]
    assert paths(report.leaks) == [["train/b/001.png", "test/b/leak.png"]] or paths(
        report.leaks
    ) == [["test/b/leak.png", "train/b/001.png"]]
    assert paths(report.conflicts) == [["train/a/002.png", "train/b/both.png"]]
    assert {s: dict(c) for s, c in report.counts().items()} == {
        "train": {"a": 9, "b": 5},
        "test": {"a": 2, "b": 3},
    }
    assert report.imbalance == pytest.approx(9 / 5)
    assert report.sizes() == {"height": (9, 12, 12), "width": (9, 16, 16)}
    assert report.kinds() == {"PNG RGB": 19}


def test_the_fix_list(messy: tuple[Path, Report], tmp_path: Path) -> None:
    root, report = messy
    assert write_fix_list(report, tmp_path / "fix.txt") == 5
    lines = (tmp_path / "fix.txt").read_text().splitlines()
    assert lines == [
        "train/a/000.png\tbroken: is not an image",
        "train/a/002.png\tin classes a and b",
        "train/a/again.png\tduplicate of train/a/001.png",
        "train/b/001.png\talso in test: test/b/leak.png",
        "train/b/both.png\tin classes a and b",
    ]
    for line in lines:
        (root / line.split("\t")[0]).unlink()
    mended = check(scan_folder(root))
    assert mended.exclude() == []
    with pytest.raises(UserError, match="cannot write"):
        write_fix_list(report, tmp_path / "gone" / "fix.txt")
