"""Evidence over the images."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from kerascnn import build_model
from kerascnn.errors import UserError
from kerascnn.inspection.gradcam import Method
from kerascnn.visualization.gradcam import Gradcam, draw_gradcam
from tests.visualization.seeing import squares, subject


def texts(figure) -> list[str]:
    return [text.get_text() for text in figure.texts]


def test_every_image_has_its_maps_beside_it(noise_images) -> None:
    images, heat = noise_images(2, 8, 8, 3), np.random.default_rng(0).random((3, 8, 8))
    figure = draw_gradcam(images, ["a", "b"], heat, np.array([0, 1, 1]), ["x", "y", "z"], "two")
    assert texts(figure)[0] == "two"
    assert texts(figure)[2:] == ["a", "x", "b", "y", "z"]


@pytest.mark.parametrize("method", ["gradcam", "layercam"])
def test_evidence_lies_where_the_square_is(method: Method) -> None:
    _, labels, inside = squares(30)
    picture = Gradcam(method=method, layer="conv1").picture(subject(30))
    assert (picture.arrays["targets"] == labels).all(), "an answer is wrong"
    for label, square, heat in zip(labels, inside, picture.arrays["heat"], strict=True):
        if label < 2:
            assert square[np.unravel_index(heat.argmax(), heat.shape)]
            assert heat[square].mean() > 5 * heat[~square].mean()
        else:
            assert not heat.any()
    nothing = np.flatnonzero(labels == 2)
    assert picture.lines[1:] == tuple(
        f"test:{number}: nothing in conv1 speaks for none" for number in nothing
    )


def test_right_answers_have_one_map_and_wrong_ones_two() -> None:
    plain = subject(3)
    labels = [image.label for image in plain.images]
    wrong = (int(labels[1] or 0) + 1) % 3
    images = (
        plain.images[0],
        replace(plain.images[1], label=wrong),
        replace(plain.images[2], label=None),
    )
    picture = Gradcam().picture(replace(plain, images=images))
    assert picture.arrays["of"].tolist() == [0, 1, 1, 2]
    assert picture.arrays["targets"].tolist() == [labels[0], labels[1], wrong, labels[2]]
    assert sum("the answer" in text for text in texts(picture.figure)) == 3
    assert sum("the true class" in text for text in texts(picture.figure)) == 1
    assert picture.lines[0] == "Grad-CAM in conv2 (conv 1x1, 5x5x2)"


def test_a_class_and_a_layer_can_be_asked_for() -> None:
    picture = Gradcam(target="dark", layer="conv1").picture(subject(2))
    assert picture.arrays["targets"].tolist() == [1, 1]
    assert picture.arrays["maps"].shape == (2, 10, 10)
    with pytest.raises(UserError, match="unknown class 'drak': did you mean dark"):
        Gradcam(target="drak").picture(subject(1))
    with pytest.raises(UserError, match="unknown layer 'conv3'"):
        Gradcam(layer="conv3").picture(subject(1))


def test_a_network_without_maps_is_told_of() -> None:
    mlp = build_model("mlp", input_shape=(12, 12, 1), classes=3)
    with pytest.raises(UserError, match="mlp has no feature maps"):
        Gradcam().picture(subject(1, mlp))
