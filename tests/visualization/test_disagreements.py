"""The pictures on which two models disagree, on the sheet and in which order."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from PIL import Image

from kerascnn.errors import UserError
from kerascnn.evaluation.pairing import pair
from kerascnn.visualization.disagreements import draw_disagreements
from tests.report.stored import predictions


def _texts(figure) -> list[str]:
    return [text.get_text() for text in figure.texts if text.get_text()]


def test_both_kinds_are_named_counted_and_captioned() -> None:
    figure = draw_disagreements(pair(predictions([3]), predictions([5, 7])), ("one", "two"))
    title, _, *rest = _texts(figure)
    assert title == "A: one   B: two"
    assert [text for text in rest if "right" in text] == [
        "only A is right: 2",
        "only B is right: 1",
    ]
    # The digits begin 0, 1, 2, ...: row 3 is a 3, of which the first model said 4.
    start = rest.index("only B is right: 1")
    true, first, second = rest[start + 1 : start + 4]
    assert true == "3"
    assert first.startswith("A 4 ")
    assert second.startswith("B 3 ")


def test_the_clearest_come_first_and_no_more_than_two_rows() -> None:
    found = pair(predictions([]), predictions(range(40)))
    texts = _texts(draw_disagreements(found, ("one", "two")))
    captions = [text for text in texts if text.startswith("A ")]
    assert len(captions) == 16
    assert "only A is right: 40" in texts
    ahead = found.first.true_probability - found.second.true_probability
    best = found.first.confidence[:40][np.argsort(-ahead[:40], kind="stable")[:16]]
    assert [text.split()[-1] for text in captions] == [f"{value:.0%}" for value in best]


def test_one_kind_alone_has_one_row() -> None:
    texts = _texts(draw_disagreements(pair(predictions([1]), predictions([])), ("one", "two")))
    assert [text for text in texts if "right" in text] == ["only B is right: 1"]


def test_nothing_to_draw() -> None:
    with pytest.raises(UserError, match="one and two have the same images right"):
        draw_disagreements(pair(predictions([1]), predictions([1])), ("one", "two"))


def test_photos_of_several_sizes_some_of_them_gone(tmp_path) -> None:
    names = np.array([f"{number}.png" for number in range(4)], object)
    for name, size in zip(names[:3], ((30, 10), (400, 300), (20, 20)), strict=True):
        Image.new("RGB", size, "red").save(tmp_path / name)
    both = [
        dataclasses.replace(predictions(wrong, range(4)), examples=names, data=f"folder:{tmp_path}")
        for wrong in ([], [0, 1, 2, 3])
    ]
    figure = draw_disagreements(pair(*both), ("one", "two"))
    assert "only A is right: 4" in _texts(figure)
    for name in names[:3]:
        (tmp_path / name).unlink()
    with pytest.raises(UserError, match="the images of folder:.* are not there any more"):
        draw_disagreements(pair(*both), ("one", "two"))
