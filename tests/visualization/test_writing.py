"""Figures written to disk: whole, in every format, and the same each time."""

from __future__ import annotations

import ast
from pathlib import Path

import matplotlib
import pytest
from matplotlib.figure import Figure
from PIL import Image

from kerascnn.errors import UserError
from kerascnn.visualization import writing
from kerascnn.visualization.writing import in_style, new_figure, write_figure


@pytest.fixture
def figure() -> Figure:
    figure = new_figure(3, 2, dpi=100)
    figure.subplots().plot([1, 2, 3], label="a line")
    return figure


def test_a_picture_has_the_size_that_was_asked_for(figure: Figure, tmp_path: Path) -> None:
    write_figure(figure, tmp_path / "a.png")
    with Image.open(tmp_path / "a.png") as image:
        assert image.size == (300, 200)
        assert image.convert("RGB").getpixel((0, 0)) == (255, 255, 255)
    assert [path.name for path in tmp_path.iterdir()] == ["a.png"]


@pytest.mark.parametrize(
    ("name", "begins"), [("a.png", b"\x89PNG"), ("a.SVG", b"<?xml"), ("a.pdf", b"%PDF")]
)
def test_the_ending_tells_the_format_and_the_same_picture_gives_the_same_file(
    name: str, begins: bytes, tmp_path: Path
) -> None:
    contents = []
    for _ in range(2):
        figure = new_figure(3, 2)
        figure.subplots().set_title("a title")
        write_figure(figure, str(tmp_path / name))
        contents.append((tmp_path / name).read_bytes())
    assert contents[0].startswith(begins)
    assert contents[0] == contents[1]


def test_text_in_svg_stays_text(figure: Figure, tmp_path: Path) -> None:
    figure.axes[0].set_title("wörter")
    write_figure(figure, tmp_path / "a.svg")
    assert "wörter" in (tmp_path / "a.svg").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", ["a.gif", "a", "a.png.txt"])
def test_other_endings_are_refused(figure: Figure, name: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"^picture .*: must end in"):
        write_figure(figure, tmp_path / name)
    assert not list(tmp_path.iterdir())


def test_no_folder_is_made(figure: Figure, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"^cannot write .*: there is no folder .*missing$"):
        write_figure(figure, tmp_path / "missing" / "net.svg")


def test_what_cannot_be_written_leaves_the_file_of_before(figure: Figure, small_disk: Path) -> None:
    path = small_disk / "a.png"
    path.write_text("old")
    (small_disk / "filler").write_bytes(bytes(2**20 - 3 * 4096))
    with pytest.raises(UserError, match=r"^cannot write .*a.png: No space left on device$"):
        write_figure(figure, path)
    assert path.read_text() == "old"
    assert sorted(file.name for file in small_disk.iterdir()) == ["a.png", "filler"]


def test_pictures_have_one_style_and_leave_matplotlibs_settings() -> None:
    matplotlib.rcParams["backend"]  # settled when it is first asked for
    before = matplotlib.rcParams.copy()

    @in_style
    def draw() -> Figure:
        figure = new_figure(3, 2)
        figure.subplots().plot([1, 2])
        return figure

    (axes,) = draw().axes
    assert not axes.spines["top"].get_visible()
    assert axes.lines[0].get_color() == "#3066BE"
    assert matplotlib.rcParams == before


def test_every_picture_is_in_that_style() -> None:
    for path in Path(writing.__file__).parent.rglob("*.py"):
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.FunctionDef) and node.name.startswith("draw_"):
                assert [ast.unparse(item) for item in node.decorator_list] == ["in_style"], path
