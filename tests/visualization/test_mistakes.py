"""Contact sheets of wrong examples."""

from __future__ import annotations

import numpy as np

from kerascnn.visualization.mistakes import PER_ROW, draw_mistakes, draw_set_mistakes
from tests.evaluation.tables import said, said_sets


def test_each_image_has_what_was_said_and_what_it_is(noise_images) -> None:
    table = said(np.log([[0.9, 0.1]] * 10), np.ones(10, int), ("cat", "dog"))
    images = list(noise_images(10, 28, 28, 1))
    figure = draw_mistakes(table, np.arange(10), images, title="ten")
    texts = [text.get_text() for text in figure.texts]
    assert texts.count("cat 90%") == texts.count("is dog") == 10
    assert "ten" in texts
    assert figure.get_size_inches()[0] * 100 > PER_ROW * 112


def test_photos_of_any_size_and_missing_ones(noise_images) -> None:
    table = said(np.log([[0.9, 0.1]] * 3), np.ones(3, int), ("cat", "dog"))
    images = [noise_images(1, 300, 40, 3)[0], None, noise_images(1, 20, 90, 3)[0]]
    figure = draw_mistakes(table, np.arange(3), images, title="")
    assert [text.get_text() for text in figure.texts].count("is dog") == 3


def test_labels_that_lack_and_those_too_many(noise_images) -> None:
    has = np.array([[1, 1, 0], [0, 0, 1]], bool)
    table = said_sets(np.array([[5.0, -5, 5], [-5, -5, -5]]), has, ("cat", "dog", "owl"))
    images = [noise_images(1, 28, 28, 1)[0], None]
    figure = draw_set_mistakes(table, np.arange(2), images, title="two")
    texts = [text.get_text() for text in figure.texts]
    assert {"- dog", "+ owl", "- owl", "two"} <= set(texts)
