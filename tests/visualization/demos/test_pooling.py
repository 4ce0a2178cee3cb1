"""The demo of pooling: what is in its pictures."""

from __future__ import annotations

from pathlib import Path
from typing import get_args

import numpy as np
import pytest
from PIL import Image

from kerascnn.errors import UserError
from kerascnn.lectures.convolution import slide
from kerascnn.lectures.pooling import PoolName, pooled
from kerascnn.visualization.demos.pooling import Pooling, draw_pooled, draw_pooling_step


def test_with_no_option_it_is_the_lectures_maximum() -> None:
    picture = Pooling().picture()
    assert len(picture.frames) == 9
    assert picture.lines == ("Max pooling, 2x2 at stride 2: 3x3", "  1 1 1", "  1 1 0", "  1 0 0")


@pytest.mark.parametrize(
    ("pool", "words"),
    [
        ("max", "maximum 6"),
        ("average", "13 / 4 = 3.25"),
        ("l1", "sum 13"),
        ("l2", "root of 63: 7.937"),
        ("stochastic", "drawn: "),
    ],
)
def test_a_step_says_what_becomes_of_a_window(pool: PoolName, words: str) -> None:
    seen = slide(np.array([[1.0, 1, 2, 4], [5, 6, 7, 8]]), (2, 2), stride=2)
    figure = draw_pooling_step(seen, pool, pooled(seen, pool), 0)
    assert any(text.get_text().startswith(words) for text in figure.axes[0].texts)


@pytest.mark.parametrize("pool", get_args(PoolName))
def test_every_pool_draws(pool: PoolName) -> None:
    picture = Pooling(pool=pool, example="levels", size=2).picture()
    assert len(picture.frames) == 4
    if pool == "stochastic":
        assert picture.arrays["expected"][0, 0] == pytest.approx(63 / 13)
        again = Pooling(pool=pool, example="levels").picture()
        assert (again.arrays["output"] == picture.arrays["output"]).all()


def test_a_window_that_does_not_fit() -> None:
    with pytest.raises(UserError, match="does not fit: 4x4 filter at stride 4 on a 6x6"):
        Pooling(size=4).picture()


def test_a_photograph_is_pooled_as_a_whole(tmp_path: Path, noise_images) -> None:
    (pixels,) = noise_images(1, 31, 40, 3)
    Image.fromarray(pixels).save(tmp_path / "photo.png")
    picture = Pooling(size=4).picture((str(tmp_path / "photo.png"),))
    assert picture.lines == ("Max pooling, 4x4 at stride 4: 31x40 -> 7x10",)
    assert picture.arrays["output"][1, 2, 0] == pixels[4:8, 8:12, 0].max()


def test_numbers_above_white_make_the_picture_darker() -> None:
    figure = draw_pooled(np.full((4, 4, 1), 100.0), np.array([[[398.0], [800.0]]]), "L1")
    shown = figure.axes[1].images[0].get_array()
    assert shown is not None
    assert np.asarray(shown)[0, :, 0].tolist() == [127, 255]


@pytest.mark.parametrize("shape", [(200, 3), (3, 200), (60, 60)])
def test_no_picture_is_longer_than_a_page(shape: tuple[int, int]) -> None:
    figure = draw_pooled(np.zeros((*shape, 1)), np.zeros((2, 2, 1)), "max")
    assert max(figure.get_size_inches()) < 10
