"""The contact sheet of labels that are likely wrong."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from kerascnn.evaluation.label_errors import LabelError
from kerascnn.visualization.label_errors import draw_label_errors
from kerascnn.visualization.writing import write_figure


def _errors(*examples: str) -> list[LabelError]:
    return [LabelError("test", name, "cat", "dog", 0.984, 0.01) for name in examples]


def test_each_has_its_label_the_one_suggested_and_its_name(tmp_path: Path) -> None:
    for name, size in (("cat", (40, 20)), ("dog", (300, 500))):
        (tmp_path / name).mkdir()
        Image.new("RGB", size, "red").save(tmp_path / name / "a-name-that-is-long.png")
    found = _errors("cat/a-name-that-is-long.png", "dog/a-name-that-is-long.png", "dog/gone.png")
    figure = draw_label_errors(f"folder:{tmp_path}", found)
    texts = [text.get_text() for text in figure.texts if text.get_text()]
    assert texts[0] == f"folder:{tmp_path}: 3 labels likely wrong"
    assert texts[1] == "no longer there: 1"
    assert texts[2:] == [
        *(["labelled cat", "98% dog", "…at-is-long.png"] * 2),
        *["labelled cat", "98% dog", "gone.png"],  # a grey square
    ]
    write_figure(figure, tmp_path / "sheet.png")
    sheet = np.asarray(Image.open(tmp_path / "sheet.png").convert("RGB"))
    red = (sheet == (255, 0, 0)).all(-1)
    assert red.sum() == 160 * 80 + 96 * 160  # each whole, in a square


def test_the_worst_of_many_digits() -> None:
    figure = draw_label_errors("digits", _errors(*map(str, range(200))))
    texts = [text.get_text() for text in figure.texts if text.get_text()]
    assert texts[0] == "digits: 200 labels likely wrong, the worst 60"
    assert len(texts) == 1 + 3 * 60


def test_test_images_of_another_set(tmp_path: Path) -> None:
    Image.new("RGB", (20, 20), "red").save(tmp_path / "1.png")
    found = [*_errors("1.png"), LabelError("validation", "1", "cat", "dog", 0.9, 0.1)]
    figure = draw_label_errors({"test": f"folder:{tmp_path}", "validation": "digits"}, found)
    texts = [text.get_text() for text in figure.texts if text.get_text()]
    assert texts[0] == f"folder:{tmp_path} and digits: 2 labels likely wrong"
    assert "no longer there" not in "".join(texts)
    write_figure(figure, tmp_path / "sheet.png")
    sheet = np.asarray(Image.open(tmp_path / "sheet.png").convert("RGB"))
    assert (sheet == (255, 0, 0)).all(-1).any()


def test_all_images_are_gone(tmp_path: Path) -> None:
    figure = draw_label_errors(f"folder:{tmp_path}", _errors("a.png"))
    assert "no longer there: 1" in [text.get_text() for text in figure.texts]
