"""`kerascnn datasets`, as a user sees it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from kerascnn_pipelines.dataset import command
from PIL import Image

from kerascnn.errors import UserError
from tests.composites import write_pairs


def run(*arguments: str):
    return CliRunner().invoke(command, arguments)


@pytest.fixture
def photos(workplace: Path) -> Path:
    random = np.random.default_rng(0)
    for name, count in (("cat", 10), ("dog", 10)):
        (workplace / "photos" / name).mkdir(parents=True)
        for i in range(count):
            pixels = random.integers(0, 255, (20, 24, 3), np.uint8)
            Image.fromarray(pixels).save(workplace / "photos" / name / f"{i}.png")
    return workplace / "photos"


def test_list() -> None:
    result = run()
    assert result.exit_code == 0
    assert "digits" in result.output
    assert "imagenet2012" in result.output
    assert "folder:PATH" in result.output


def test_show(photos: Path) -> None:
    result = run("show", "folder:photos")
    assert result.exit_code == 0, result.output
    assert "2 classes, images of 20x24x3" in result.output
    assert "46.7%" in result.output
    with Image.open("photos-samples.png") as sheet:
        # Two rows of at least six training images.
        assert sheet.size > (6 * 72, 2 * 60)


def test_show_several_labels(workplace: Path) -> None:
    write_pairs(workplace / "pairs", 60)
    result = run("show", "csv:pairs/table.csv", "--labels", "several", "--out", "samples.png")
    assert result.exit_code == 0, result.output
    assert "10 classes, images of 8x16x1" in result.output
    with Image.open("samples.png") as sheet:
        assert sheet.size > (3 * 72, 10 * 40)


def test_check(photos: Path) -> None:
    result = run("check", "photos")
    assert result.exit_code == 0, result.output
    assert "broken: none" in result.output
    assert "nearly the same in two splits (likely a leak): none" in result.output
    (photos / "cat" / "0.png").write_text("no image")
    result = run("check", "photos", "--fix-list", "fix.txt")
    assert result.exit_code == 1
    assert "cat/0.png: is not an image" in result.output
    assert Path("fix.txt").read_text() == "cat/0.png\tbroken: is not an image\n"


def test_check_tells_near_duplicates(photos: Path) -> None:
    with Image.open(photos / "cat" / "1.png") as image:
        image.resize((96, 80), Image.Resampling.NEAREST).save(
            photos / "dog" / "copy.webp", quality=95
        )
    result = run("check", "photos", "--near-duplicates", "near.csv")
    assert result.exit_code == 0, result.output
    assert "nearly the same in two classes: 1\n  cat/1.png ~ dog/copy.webp (" in result.output
    assert "near.csv: 1 pairs of near-duplicates" in result.output
    assert Path("near.csv").read_text().splitlines()[1].startswith("conflict,")


def test_check_of_images_that_are_all_alike(workplace: Path) -> None:
    random = np.random.default_rng(0)
    pixels = np.asarray(
        Image.fromarray(random.integers(0, 255, (8, 8, 3), np.uint8)).resize((64, 64))
    ).copy()
    for name in ("cat", "dog"):
        (workplace / "alike" / name).mkdir(parents=True)
        for i in range(25):
            pixels[0, i] ^= 1
            Image.fromarray(pixels).save(workplace / "alike" / name / f"{i}.png")
    result = run("check", "alike")
    assert "near-duplicates: not told, so many of these images are alike" in result.output


def test_bad_input(photos: Path) -> None:
    for arguments, message in (
        (("show", "mnst"), "did you mean mnist"),
        (("show", "folder:gone"), "gone: no such folder"),
        (("check", "gone"), "gone: no such folder"),
        (("show", "folder:photos", "--out", "gone/sheet.png"), "cannot write gone/sheet.png"),
    ):
        result = run(*arguments)
        assert isinstance(result.exception, UserError), result.output
        assert message in str(result.exception)
