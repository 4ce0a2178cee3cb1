"""What a picture and its subject hold, and what a subject without data says."""

from __future__ import annotations

import numpy as np
import pytest

from kerascnn.errors import UserError
from kerascnn.models.build import build_model
from kerascnn.visualization.picture import Picture, Seen, Subject
from kerascnn.visualization.writing import new_figure


def test_the_last_frame_stands_for_the_whole() -> None:
    frames = (new_figure(1, 1), new_figure(1, 1))
    picture = Picture(frames, {"one": np.zeros(3), "two": np.zeros(9)})
    assert picture.figure is frames[1]
    assert repr(picture) == "<Picture: 2 frames of one, two>"
    assert picture._repr_png_().startswith(b"\x89PNG")


def test_a_target_is_what_was_asked_for_or_the_image_is_or_the_network_says() -> None:
    model = build_model("linear", input_shape=(8, 8, 1), classes=3)
    subject = Subject("net", model, ("cat", "dog", "horse"))
    logits = np.array([0.0, 5.0, 1.0])
    unknown, known = (Seen("a", np.zeros((8, 8, 1), np.uint8), label) for label in (None, 2))
    assert subject.target("cat", known, logits) == 0
    assert subject.target(None, known, logits) == 2
    assert subject.target(None, unknown, logits) == 1
    with pytest.raises(UserError, match="unknown class 'hrose': did you mean horse"):
        subject.target("hrose", known, logits)


def test_a_network_that_was_not_trained_has_neither_data_nor_a_past() -> None:
    subject = Subject("net", build_model("linear", input_shape=(8, 8, 1), classes=3), ("a", "b"))
    with pytest.raises(UserError, match=r"^net has not been trained: it has no images"):
        _ = subject.data
    with pytest.raises(UserError, match=r"^net: the weights before training are not known"):
        _ = subject.untrained
    with pytest.raises(UserError, match=r"^net has kept no weights of its epochs: 'kerascnn train"):
        subject.snapshots()
