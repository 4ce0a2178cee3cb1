"""What a unit sees, drawn: the frame where arithmetic has it, the effective field beside it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from matplotlib.collections import LineCollection
from matplotlib.patches import Rectangle

from kerascnn import build_model
from kerascnn.backend import keras
from kerascnn.data.loading import load
from kerascnn.data.spec import DataSpec
from kerascnn.errors import UserError
from kerascnn.inspection.layers import feature_maps
from kerascnn.inspection.receptive_field import effective_field, most_of
from kerascnn.visualization.kinds import Kind
from kerascnn.visualization.picture import Picture, Seen, Subject
from kerascnn.visualization.receptive_field import draw_receptive_field
from tests.data.splits import array_images


@pytest.fixture(scope="module")
def untrained() -> Subject:
    keras.utils.set_random_seed(0)
    model = build_model("cifar-plain20", input_shape=(32, 32, 3), classes=4)
    image = np.random.default_rng(0).integers(0, 256, (32, 32, 3), dtype=np.uint8)
    return Subject("plain", model, ("a", "b", "c", "d"), (Seen("test:3", image, 1),))


def picture_of(subject: Subject, **options: Any) -> Picture:
    return Kind.of_name("receptive-field")(**options).picture(subject)


def test_the_frame_is_the_receptive_field() -> None:
    effective = np.zeros((6, 8))
    effective[2, 3] = 2.0
    figure = draw_receptive_field(
        np.zeros((6, 8, 1), np.uint8), effective, ((1, 4), (-1, 5)), title="a unit", name="x"
    )
    image, heat, _ = figure.axes
    for axes in (image, heat):
        (frame,) = (patch for patch in axes.patches if isinstance(patch, Rectangle))
        # Pixel (1, -1) is the first: its corner lies half a pixel before.
        assert (frame.get_x(), frame.get_y()) == (-1.5, 0.5)
        assert (frame.get_width(), frame.get_height()) == (6, 3)
    np.testing.assert_array_equal(heat.images[0].get_array(), effective / 2)
    (outline,) = heat.collections
    assert isinstance(outline, LineCollection)
    ends = np.concatenate(outline.get_segments())
    assert ends.min(axis=0).tolist() == [2.5, 1.5]
    assert ends.max(axis=0).tolist() == [3.5, 2.5]
    assert len(outline.get_segments()) == 4
    assert image.get_title() == "x"


def test_an_untrained_network_is_shown_noise(untrained: Subject) -> None:
    picture = picture_of(untrained, layer="conv2_2_a", position="0,16", examples=40)
    arrays = picture.arrays
    maps = feature_maps(untrained.model)["conv2_2_a"]
    assert maps.fields[0].size == 9
    np.testing.assert_array_equal(arrays["field"], [(-4, 5), (12, 21)])
    np.testing.assert_array_equal(arrays["inside"], [(0, 5), (12, 21)])
    reached = arrays["effective"] > 0
    assert reached[:5, 12:21].all()
    assert reached.sum() == 5 * 9
    share = arrays["noticed"].sum() / 45
    assert picture.lines[0] == (
        "conv2_2_a at 0,16 of 32x32: sees 9x9 pixels, 45 of them in the image"
    )
    assert picture.lines[1] == (
        f"95% of its gradient lies in {arrays['noticed'].sum()} pixels, {share:.0%} of what it "
        "sees (on average over 40 images of noise: it has not been trained)"
    )
    np.testing.assert_array_equal(
        picture_of(untrained, layer="conv2_2_a", position="0,16", examples=40).arrays["effective"],
        arrays["effective"],
    )


def test_a_trained_one_is_shown_its_images() -> None:
    data = load(DataSpec(name="digits"))
    model = build_model("lenet5", input_shape=data.image_shape, classes=10)
    pixels = array_images(data.splits["validation"]).pixels[:30]
    subject = Subject(
        "first", model, data.classes, (Seen("a.png", pixels[0]),), load_data=lambda: data
    )
    picture = picture_of(subject, examples=30, unit=2)
    maps = feature_maps(model)["s4"]
    middle = (maps.shape[0] // 2, maps.shape[1] // 2)
    expected = effective_field(model, maps, [pixels], middle, unit=2)
    np.testing.assert_allclose(picture.arrays["effective"], expected, rtol=1e-4, atol=1e-9)
    assert picture.arrays["noticed"].sum() == most_of(picture.arrays["effective"]).sum()
    assert "on average over 30 validation images" in picture.lines[1]
    assert picture.figure.get_suptitle() == f"first: s4, unit 2 at {middle[0]},{middle[1]}"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"layer": "conv9"}, "unknown layer 'conv9'"),
        ({"position": "1"}, "position: got '1', must be ROW,COLUMN such as 4,4"),
        ({"position": "a,b"}, "position: got 'a,b'"),
        ({"position": "8,0"}, "row: got 8, layer 'conv4_3_b' has 0 to 7"),
        ({"unit": 64}, "unit: got 64, layer 'conv4_3_b' has units 0 to 63"),
    ],
)
def test_what_is_not_there(untrained: Subject, options: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=message):
        picture_of(untrained, **options)
