"""The files of a picture: names, and one or many of them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from kerascnn.errors import UserError
from kerascnn.visualization.filters import Filters
from kerascnn.visualization.kinds import Kind
from kerascnn.visualization.picture import Picture
from kerascnn.visualization.picture_files import file_name, write_arrays, write_picture
from kerascnn.visualization.writing import new_figure


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
