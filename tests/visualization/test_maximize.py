"""Images that excite units, beside real ones."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from kerascnn.data.loading import load
from kerascnn.data.spec import DataSpec
from kerascnn.errors import UserError
from kerascnn.visualization.maximize import Maximize, _cut, draw_maximize
from kerascnn.visualization.picture import Subject
from tests.visualization.seeing import subject


def texts(figure) -> list[str]:
    return [text.get_text() for text in figure.texts]


def of_digits() -> Subject:
    """The network, which looks for squares, with the digits as its data."""
    data = load(DataSpec(name="digits", image_size=(12, 12)))
    return replace(subject(0), load_data=lambda: data)


def test_each_image_has_the_best_real_one_beside_it(noise_images) -> None:
    images = noise_images(2, 8, 8, 1)
    figure = draw_maximize(images, ["a", "b"], images, ["x", "y"], "two", "note")
    assert texts(figure) == ["two", "note", "a", "x", "b", "y"]
    assert texts(draw_maximize(images, ["a", "b"], None, [], "two")) == ["two", "", "a", "b"]


def test_of_classes_by_default() -> None:
    picture = Maximize(steps=60).picture(subject(0))
    assert picture.arrays["units"].tolist() == [0, 1, 2]
    bright, dark, _ = picture.arrays["images"].astype(float)
    # All positions count the same, and the more light the better.
    assert bright[2:-2, 2:-2].min() > 200
    assert dark[2:-2, 2:-2].max() < 55
    assert set(picture.arrays) == {"units", "images", "reached"}
    assert any(text.startswith("bright: ") for text in texts(picture.figure))
    named = Maximize(steps=3, unit=("dark", "0")).picture(subject(0))
    assert named.arrays["units"].tolist() == [1, 0]


def test_a_unit_of_a_layer_beside_what_real_images_reach() -> None:
    seen = of_digits()
    picture = Maximize(layer="conv1", unit=("1", "0"), steps=80).picture(seen)
    arrays = picture.arrays
    assert arrays["units"].tolist() == [1, 0]
    # At most, black or white all over what the unit sees.
    np.testing.assert_allclose(arrays["reached"], [0.38, 0.38], atol=0.01)
    assert arrays["real"].shape == (2, 12, 12, 1)
    assert (arrays["real_reached"] <= 0.3801).all()
    assert texts(picture.figure)[0] == "squares: what excites conv1"
    assert any(text.startswith("unit 1: 0.3") for text in texts(picture.figure))
    assert any(text.startswith("real 0.3") for text in texts(picture.figure))
    count = seen.data.splits["validation"].size
    assert picture.lines[0].endswith(f"than the best of {count} validation images")


def test_some_images_are_looked_through() -> None:
    picture = Maximize(layer="conv2", steps=2, examples=20).picture(of_digits())
    assert picture.arrays["places"].max() <= 4
    assert len(texts(picture.figure)) == 2 + 2 * 2
    assert picture.lines[0].endswith("than the best of 20 validation images")


def test_units_that_are_never_on_are_named() -> None:
    kind = Maximize(layer="conv1", steps=1, examples=0)
    assert kind.picture(of_digits()).lines == ("not above 0: unit 0, unit 1",)


def test_units_and_layers_that_do_not_exist() -> None:
    with pytest.raises(UserError, match="unit: got '2', layer 'conv1' has 0 to 1"):
        Maximize(layer="conv1", unit=("2",)).picture(subject(0))
    with pytest.raises(UserError, match="unknown class 'brigt': did you mean bright"):
        Maximize(unit=("brigt",)).picture(subject(0))
    with pytest.raises(UserError, match="unknown layer 'conv7'"):
        Maximize(layer="conv7").picture(subject(0))


def test_what_a_unit_sees_beyond_the_image_is_grey() -> None:
    image = np.arange(12, dtype=np.uint8).reshape(3, 4, 1)
    cut = _cut(image, (-1, 2, 2, 5))[..., 0]
    np.testing.assert_array_equal(cut, [[225, 225, 225], [2, 3, 225], [6, 7, 225]])
