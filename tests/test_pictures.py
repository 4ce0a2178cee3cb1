"""Pictures of runs, files and untrained networks; images by file and by number; what is refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from kerascnn import tracking
from kerascnn.errors import UserError
from kerascnn.pictures import demo, file_name, visualize, write_arrays, write_picture
from kerascnn.visualization.filters import Filters
from kerascnn.visualization.kinds import Kind
from kerascnn.visualization.picture import Picture
from kerascnn.visualization.writing import new_figure


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


def test_a_demo_takes_no_more_images_than_it_shows(workplace: Path) -> None:
    with pytest.raises(UserError, match=r"^activations: takes no image, got 1: a.png"):
        demo("activations", ["a.png"])
    with pytest.raises(UserError, match=r"^unknown demo 'dropuot': did you mean dropout"):
        demo("dropuot")


def _picture(frames: int) -> Picture:
    return Picture(tuple(new_figure(1, 1) for _ in range(frames)), {"values": np.arange(3)})


def test_what_moves_is_a_gif_or_numbered_files(tmp_path: Path) -> None:
    assert write_picture(_picture(1), tmp_path / "one.png") == [tmp_path / "one.png"]
    assert write_picture(_picture(3), tmp_path / "all.gif") == [tmp_path / "all.gif"]
    assert [path.name for path in write_picture(_picture(10), tmp_path / "a.png")] == [
        f"a-{number:02}.png" for number in range(1, 11)
    ]
    with Image.open(tmp_path / "all.gif") as image:
        assert image.format == "GIF"
    with pytest.raises(UserError, match=r"one.gif: nothing moves in this picture"):
        write_picture(_picture(1), tmp_path / "one.gif")


def test_the_numbers_are_written(tmp_path: Path) -> None:
    write_arrays(_picture(1), tmp_path / "a.npz")
    with np.load(tmp_path / "a.npz") as found:
        assert found["values"].tolist() == [0, 1, 2]


def test_files_are_named_after_what_was_asked_for() -> None:
    assert file_name(Filters()) == "filters"
    assert file_name(Filters(layer="c3", before=False)) == "filters_c3"
    assert file_name(Kind.of("features"), ["photos/a b$.png"]) == "features_a-b"
    assert file_name(Kind.of("features"), ["test:17"]) == "features_test-17"
    assert len(file_name(Filters(layer="x" * 500))) == 100
