"""What `kerascnn datasets check` finds."""

from __future__ import annotations

import os
import random
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from kerascnn.augment.spec import AugmentSpec
from kerascnn.data.check import Report, check, write_fix_list, write_near_duplicates
from kerascnn.data.folders import scan_folder
from kerascnn.data.images import UnreadableImageError, decode, resize
from kerascnn.data.loading import load
from kerascnn.data.pipeline import evaluation_batches, training_batches
from kerascnn.data.spec import DataSpec
from kerascnn.errors import UserError
from tests.data.damage import damaged, files
from tests.data.pictures import picture
from tests.data.splits import file_images


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


def test_near_duplicates(image_folder: Callable[..., Path], tmp_path: Path) -> None:
    image_folder({"a": 8, "b": 4}, below="train", sizes=((120, 160),))
    root = image_folder({"a": 2, "b": 2}, below="test", sizes=((120, 160),))
    random = np.random.default_rng(0)
    for path in sorted(root.rglob("*.png")):  # more different than `picture` makes them
        spots = Image.fromarray(random.integers(0, 256, (9, 12, 3), np.uint8))
        spots.resize((160, 120), Image.Resampling.BICUBIC).save(path)

    def copy(name: str, to: str, **options: Any) -> None:
        with Image.open(root / name) as image:
            image.convert(options.pop("mode", "RGB")).save(root / to, **options)

    copy("train/a/001.png", "test/a/leak.webp", quality=80)
    copy("train/a/002.png", "train/b/both.png", mode="L")
    copy("train/a/003.png", "train/a/again.jpg", quality=40)
    shutil.copy(root / "train/a/004.png", root / "train/a/same.png")
    report = check(scan_folder(root))
    assert report.near is not None
    found = {pair.kind: {pair.first.path, pair.second.path} for pair in report.near}
    assert found == {
        "leak": {"train/a/001.png", "test/a/leak.webp"},
        "conflict": {"train/a/002.png", "train/b/both.png"},
        "duplicate": {"train/a/003.png", "train/a/again.jpg"},
    }
    assert len(report.near) == 3
    assert paths(report.duplicates) == [["train/a/004.png", "train/a/same.png"]]
    assert len(report.exclude()) == 1  # near-duplicates are only reported
    assert write_near_duplicates(report.near, tmp_path / "near.csv") == 3
    lines = (tmp_path / "near.csv").read_text().splitlines()
    assert lines[0] == ("kind,distance,path_1,split_1,class_1,path_2,split_2,class_2")
    assert sorted(line.partition(",")[0] for line in lines[1:]) == [
        "conflict",
        "duplicate",
        "leak",
    ]
    with pytest.raises(UserError, match="cannot write"):
        write_near_duplicates(report.near, root / "train")


def _damaged_folder(root: Path, number: int, seed: int) -> Path:
    """Two classes of damaged and whole files of all kinds, and some that are surely whole."""
    for label in "ab":
        (root / label).mkdir(parents=True)
        for i in range(10):
            Image.fromarray(picture(20, 20 + i)).save(root / label / f"whole{i}.png")
    for i, content in enumerate(files(number, seed)):
        (root / "ab"[i % 2] / f"{i:05}").write_bytes(content)
    return root


def _check_and_training_agree(root: Path) -> int:
    """Returns how many files were broken."""
    report = check(scan_folder(root))
    total = len(report.files)
    broken = [f"{file.path} ({file.facts.fault})" for file in report.broken]
    spec = DataSpec(name=f"folder:{root}", image_size=8, cache="none")
    with pytest.raises(UserError, match=f"{len(broken)} of {total} image files cannot be read"):
        load(spec)
    data = load(spec.model_copy(update={"skip_broken": True}))
    assert sum(split.size for split in data.splits.values()) == total - len(broken)
    for preset in ("none", "inception"):
        stream = training_batches(data, AugmentSpec(preset=preset), batch_size=8, seed=0)
        steps = -(-data.splits["train"].size // 8)
        assert sum(len(labels) for _, labels in stream.take(steps)) == data.splits["train"].size
    for split in data.splits.values():
        read = evaluation_batches(data, split.name, batch_size=8).as_numpy_iterator()
        pixels = np.concatenate([images for images, _ in read])
        paths = [os.fsdecode(path) for path in file_images(split).paths]
        expected = [resize(decode(path), data.image_shape) for path in paths]
        np.testing.assert_array_equal(pixels, expected)  # as predict sees them
    for file in report.broken:
        with pytest.raises(UnreadableImageError, match=r"^[^\n]+$"):
            decode(root / file.path)
    return len(broken)


def test_what_is_not_broken_is_read_in_training(tmp_path: Path) -> None:
    assert 50 < _check_and_training_agree(_damaged_folder(tmp_path / "set", 250, seed=0)) < 250


@pytest.mark.slow
def test_what_is_not_broken_is_read_in_training_many_times(tmp_path: Path) -> None:
    assert _check_and_training_agree(_damaged_folder(tmp_path / "set", 10_000, seed=1)) > 2000


@pytest.mark.realdata
@pytest.mark.slow
def test_damaged_photos_are_broken_or_read(test_data: Path, tmp_path: Path) -> None:
    chance = random.Random(0)
    for path in sorted((test_data / "photos").rglob("*.jpg")):
        copy = tmp_path / "set" / path.parent.name / path.name
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, copy)
        copy.with_suffix("").write_bytes(damaged(path.read_bytes(), chance))
    assert _check_and_training_agree(tmp_path / "set") > 10


def test_files_that_are_none(image_folder: Callable[..., Path]) -> None:
    root = image_folder({"a": 3, "b": 3})
    os.mkfifo(root / "a" / "pipe.png")
    with (root / "a" / "sparse.png").open("wb") as file:
        file.write((root / "a" / "000.png").read_bytes())
        file.truncate(20 * 2**30)
    (root / "b" / "circle.png").symlink_to(root / "b" / "circle.png")
    (root / "b" / "gone.png").symlink_to(root / "nowhere")
    (root / "b" / "script.jpg").write_bytes(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n")
    report = check(scan_folder(root))
    assert {file.path: file.facts.fault for file in report.broken} == {
        "a/pipe.png": "is a pipe, not a file",
        "a/sparse.png": "is 20 GiB large; at most 256 MiB are read",
        "b/circle.png": "too many levels of symbolic links",
        "b/gone.png": "no such file or directory",
        "b/script.jpg": "is not an image",
    }
