"""Pictures of runs, files and untrained networks; images by file and by number; what is refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from kerascnn import tracking
from kerascnn.errors import UserError
from kerascnn.pictures import visualize


def test_a_runs_filters_are_those_of_its_model(trained: Path) -> None:
    run = tracking.load_run("first")
    pictures = [
        visualize(source, "filters", before=False)
        for source in (run, "first", run.artifact("model.keras"))
    ]
    for picture in pictures:
        name = "after_training"
        assert np.array_equal(picture.arrays[name], pictures[0].arrays[name])


def test_the_filters_before_training_are_those_that_it_began_with(trained: Path) -> None:
    """The two runs differ in their epochs alone, so that they began with the same weights."""
    first, second = (visualize(name, "filters").arrays for name in ("first", "second"))
    assert np.array_equal(first["before_training"], second["before_training"])
    assert not np.array_equal(first["after_training"], second["after_training"])


def test_a_networks_name_is_the_network_untrained(workplace: Path) -> None:
    picture = visualize("linear", "templates")
    assert picture.arrays["templates"].shape[-1] == 10
    assert not list(workplace.iterdir())


def test_images_are_named_by_file_and_by_number(trained: Path, tmp_path: Path) -> None:
    Image.new("RGB", (20, 12), "white").save(tmp_path / "a.png")
    picture = visualize("first", "features", [tmp_path / "a.png"])
    mode = "crop"
    assert picture.lines[0] == f"{tmp_path / 'a.png'}: 12x20, seen as 32x32 ({mode})"
    by_number = visualize("first", "features", ["test:3"])
    assert not any("seen as" in line for line in by_number.lines)


@pytest.mark.parametrize(
    ("source", "kind", "images", "message"),
    [
        ("first", "filtres", [], r"unknown kind of picture 'filtres': did you mean filters"),
        ("frist", "filters", [], r"unknown run 'frist': did you mean first"),
        ("first", "filters", ["a.png"], r"filters: takes no image, got 1: a.png"),
        ("first", "features", ["test:999"], r"test:999: digits has 270 test images, from 0 on"),
        ("first", "features", ["no.png"], r"no.png: no such file or folder"),
        ("first", "features", ["test:0", "test:1"], r"features: takes one image, got 2"),
        ("lenet5", "features", [], r"features: lenet5 \(untrained\) has no images of its own"),
        ("lenet5", "features", ["test:0"], r"lenet5 \(untrained\) has not been trained"),
    ],
)
def test_what_is_refused(
    source: str, kind: str, images: list[str], message: str, trained: Path
) -> None:
    with pytest.raises(UserError, match=f"^{message}"):
        visualize(source, kind, images)
