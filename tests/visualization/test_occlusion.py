"""Maps of what covering a part of the image does."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from matplotlib.text import Text
from scipy.special import softmax

from kerascnn import build_model
from kerascnn.errors import UserError
from kerascnn.visualization.occlusion import Occluded
from kerascnn.visualization.picture import Subject
from tests.visualization.seeing import CLASSES, sees_squares, squares, subject


def texts(figure) -> list[str]:
    return [text.get_text() for text in figure.findobj(Text)]


def of_a(name: str) -> tuple[Subject, np.ndarray]:
    """A subject of one image of a class, and the pixels of its square."""
    _, labels, inside = squares(20)
    number = labels.tolist().index(CLASSES.index(name))
    plain = subject(20)
    return replace(plain, images=plain.images[number : number + 1]), inside[number]


def test_covering_the_square_changes_the_answer() -> None:
    seen, square = of_a("bright")
    picture = Occluded(size=5).picture(seen)
    arrays = picture.arrays
    assert arrays["rows"].tolist() == arrays["columns"].tolist() == list(range(12))
    row, column = (int(places.mean()) for places in np.nonzero(square))
    assert arrays["probability"][row, column] < 0.2
    assert softmax(arrays["uncovered"])[0] > 0.99
    assert arrays["answers"][row, column] == 2
    assert arrays["answers"][(row + 6) % 12, (column + 6) % 12] == 0
    assert arrays["activity"][row, column] < 0.1 * arrays["activity"].max()
    assert any("activity of map 0 of conv2" in text for text in texts(picture.figure))
    assert any("probability of bright" in text for text in texts(picture.figure))
    assert {"bright", "none"} <= set(texts(picture.figure)), "the legend names the answers"
    assert "of 5 pixels around row" in picture.lines[0]
    assert "the answer stays bright at" in picture.lines[1]


@pytest.mark.parametrize(("fill", "level"), [("black", 0), ("white", 255), ("grey", 128)])
def test_the_square_has_a_colour(fill: str, level: int) -> None:
    seen, _ = of_a("none")
    found = Occluded.model_validate({"fill": fill, "size": 4, "stride": 3}).picture(seen)
    painted = seen.images[0].pixels.copy()
    row, column = found.arrays["rows"][1], found.arrays["columns"][2]
    painted[row - 2 : row + 2, column - 2 : column + 2] = level
    expected = np.asarray(sees_squares()(painted[None]))[0]
    np.testing.assert_allclose(found.arrays["logits"][1, 2], expected, atol=1e-4)


def test_a_layer_and_a_class_can_be_asked_for() -> None:
    seen, _ = of_a("bright")
    picture = Occluded(layer="conv1", target="dark", stride=4).picture(seen)
    assert any("of conv1" in text for text in texts(picture.figure))
    assert picture.arrays["probability"].shape == (3, 3)
    assert "dark" in picture.lines[0]
    with pytest.raises(UserError, match="unknown layer 'conv9'"):
        Occluded(layer="conv9").picture(seen)
    with pytest.raises(UserError, match="unknown class 'daark': did you mean dark"):
        Occluded(target="daark").picture(seen)
    with pytest.raises(UserError, match="size: got 13, must be at most 12"):
        Occluded(size=13).picture(seen)


def test_without_maps_there_is_no_activity() -> None:
    mlp = build_model("mlp", input_shape=(12, 12, 1), classes=3)
    picture = Occluded(stride=3).picture(subject(1, mlp))
    assert "activity" not in picture.arrays
    assert "has no feature maps" in picture.lines[0]
    assert not any("activity" in text for text in texts(picture.figure))


def test_colour_images_and_many_answers(noise_images) -> None:
    model = build_model("mlp", input_shape=(10, 16, 3), classes=40, hidden=[4])
    model.set_weights([5 * weight for weight in model.get_weights()])
    plain = subject(1)
    wide = replace(plain.images[0], pixels=noise_images(1, 10, 16, 3)[0], label=None)
    names = tuple(f"a class with a long name {number}" for number in range(40))
    picture = Occluded(fill="white").picture(
        replace(plain, model=model, classes=names, images=(wide,))
    )
    assert picture.arrays["logits"].shape == (10, 16, 40)
