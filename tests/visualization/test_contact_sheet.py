"""Contact sheets: every pixel of the images, where it belongs."""

from __future__ import annotations

import io
import time

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image

from kerascnn.visualization.contact_sheet import draw_sheet


def _rendered(figure: Figure) -> np.ndarray:
    content = io.BytesIO()
    figure.savefig(content, format="png")
    return np.asarray(Image.open(content).convert("RGB"))


def _texts(figure: Figure) -> list[str]:
    return [text.get_text() for text in figure.texts if text.get_text()]


def _found(sheet: np.ndarray, tile: np.ndarray) -> list[tuple[int, int]]:
    """Where a tile is in a sheet, exactly."""
    height, width = tile.shape[:2]
    windows = np.lib.stride_tricks.sliding_window_view(sheet, tile.shape)[:, :, 0]
    first = np.argwhere((sheet[: 1 - height or None, : 1 - width or None] == tile[0, 0]).all(-1))
    return [(int(y), int(x)) for y, x in first if (windows[y, x] == tile).all()]


def test_images_lie_in_rows_each_pixel_a_whole_number_of_pixels(noise_images) -> None:
    images = noise_images(5, 3, 4, 3)
    figure = draw_sheet(
        [[(image, "") for image in images[:3]], [(image, "") for image in images[3:]]], side=20
    )
    sheet = _rendered(figure)
    places = []
    for image in images:
        tile = image.repeat(5, axis=0).repeat(5, axis=1)  # 4 pixels to 20
        (place,) = _found(sheet, tile)
        places.append(place)
    (top, left), pitch = places[0], places[1][1] - places[0][1]
    assert places == [
        (top, left), (top, left + pitch), (top, left + 2 * pitch),
        (places[3][0], left), (places[3][0], left + pitch),
    ]  # fmt: skip
    assert pitch > 20
    assert places[3][0] > top + 15


def test_grey_images_are_grey(noise_images) -> None:
    (image,) = noise_images(1, 6, 6, 1)
    sheet = _rendered(draw_sheet([[(image, "")]], side=6))
    assert len(_found(sheet, image.repeat(3, axis=-1))) == 1


def test_large_images_are_made_smaller_in_proportion() -> None:
    image = np.zeros((320, 640, 3), np.uint8)
    sheet = _rendered(draw_sheet([[(image, "")]]))
    dark = (sheet < 40).all(axis=-1)
    rows, columns = np.nonzero(dark)
    assert (len(np.unique(rows)), len(np.unique(columns))) == (80, 160)


def test_a_very_long_caption_is_cut_where_it_no_longer_fits_and_soon(noise_images) -> None:
    (image,) = noise_images(1, 80, 80, 3)
    began = time.process_time()
    long, short = ([text for text in _texts(draw_sheet([[(image, name)]])) if text.strip()]
                   for name in ("abc" * 3_000, "a"))  # fmt: skip
    assert time.process_time() - began < 2
    assert short == ["a"]
    (cut,) = long
    assert cut.endswith("…")
    assert ("abc" * 3_000).startswith(cut[:-1])
    assert 5 < len(cut) < 30


def test_title_note_names_and_captions_are_written(noise_images) -> None:
    images = noise_images(2, 8, 8, 3)
    rows = [[(images[0], "a\nb")], [(images[1], "c")]]
    figure = draw_sheet(rows, title="Title", note="a note", names=["first", "second"])
    assert _texts(figure) == ["Title", "a note", "first", "a", "b", "second", "c"]
    bare = draw_sheet([[(image, "") for image in images]])
    assert _texts(bare) == []
    assert bare.get_size_inches()[1] < figure.get_size_inches()[1] / 2


def test_texts_that_are_too_long_are_cut_off(noise_images) -> None:
    (image,) = noise_images(1, 8, 8, 3)
    figure = draw_sheet([[(image, "a caption that is far too long for its image")]], side=80)
    (caption,) = _texts(figure)
    assert caption.endswith("…")
    renderer = FigureCanvasAgg(figure).get_renderer()
    (text,) = (text for text in figure.texts if text.get_text())
    assert text.get_window_extent(renderer).width <= 80 + 1
    long = draw_sheet([[(image, "")]], title="t", note="n" * 50)
    assert _texts(long)[1].endswith("…")


@pytest.mark.parametrize("title", ["", "a title that is wider than one small image is"])
def test_the_sheet_is_as_wide_as_its_title(noise_images, title: str) -> None:
    (image,) = noise_images(1, 8, 8, 3)
    figure = draw_sheet([[(image, "")]], title=title, side=8)
    if title:
        text = next(text for text in figure.texts if text.get_text() == title)
        box = text.get_window_extent(FigureCanvasAgg(figure).get_renderer())
        assert box.x1 <= figure.bbox.width
    else:
        assert figure.bbox.width == 8 + 2 * 12
