"""Matrices with numbers in their cells."""

from __future__ import annotations

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.patches import Rectangle
from matplotlib.text import Text

from kerascnn.visualization.number_grid import NumberGrid, draw_number_grids, short, table_of


@pytest.mark.parametrize(
    ("number", "text"),
    [(3, "3"), (-1.0, "-1"), (0.25, "0.25"), (127.5, "127.5"), (-0.0, "0"), (1 / 3, "0.333"),
     (0.1 + 0.2, "0.3"), (12345, "1.234e+04")],
)  # fmt: skip
def test_numbers_are_short(number: float, text: str) -> None:
    assert short(number) == text


def test_a_table_has_its_columns_in_line() -> None:
    assert table_of(np.array([[3, -1], [0.25, 10]])) == ["   3   -1", "0.25   10"]


def _texts(figure) -> list[Text]:
    return [text for text in figure.axes[0].texts if text.get_text()]


def test_numbers_titles_and_frames_are_drawn() -> None:
    grid = NumberGrid(
        np.array([[1, 2], [3, 4]]),
        "a title",
        "below",
        window=(0, 1, 1, 1),
        known=np.array([[True, True], [True, False]]),
        marked=np.array([[False, False], [True, False]]),
    )
    figure = draw_number_grids([[grid, None], [None, NumberGrid(np.zeros((3, 1)))]], "Over all")
    texts = [text.get_text() for text in _texts(figure)]
    assert texts == ["Over all", "1", "2", "3", "a title", "below", "0", "0", "0"]
    frames = [patch for patch in figure.axes[0].patches if isinstance(patch, Rectangle)]
    assert len(frames) == 2, "the window, and the marked cell"
    bold = [text.get_text() for text in _texts(figure) if text.get_fontweight() == "bold"]
    assert bold == ["Over all", "3"]


def test_texts_fit_in_their_cells_and_the_picture() -> None:
    numbers = np.array([[127.5, -0.125, 255], [1 / 3, -1234, 0]])
    grid = NumberGrid(numbers, "a long title over a small matrix", "and a line below it")
    figure = draw_number_grids([[grid, grid]], "A title of all of it that is long as well")
    renderer = FigureCanvasAgg(figure).get_renderer()
    cell = 0.44 * figure.dpi
    for text in _texts(figure):
        box = text.get_window_extent(renderer)
        assert box.x0 >= 0
        assert box.x1 <= figure.bbox.width
        if text.get_text()[-1].isdigit() and len(text.get_text()) < 7:
            assert box.width < cell, text.get_text()


def test_cells_of_padding_are_grey_and_what_is_not_known_is_white() -> None:
    grid = NumberGrid(np.ones((3, 3)), padding=1, known=np.eye(3, dtype=bool))
    figure = draw_number_grids([[grid]], "")
    (mesh,) = figure.axes[0].collections
    colours = np.asarray(mesh.get_array())
    assert colours[0, 0] == pytest.approx([0.92, 0.92, 0.92, 1])
    assert colours[1, 1, 2] < 0.5, "a positive number"
    inner = NumberGrid(np.ones((1, 2)), known=np.array([[True, False]]))
    (mesh,) = draw_number_grids([[inner]], "").axes[0].collections
    assert np.asarray(mesh.get_array())[0, 1].tolist() == [1, 1, 1, 1]
