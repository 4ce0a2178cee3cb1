"""Which pixels an answer depends on, as a sheet."""

from __future__ import annotations

import numpy as np
import pytest

from kerascnn import build_model
from kerascnn.errors import UserError
from kerascnn.visualization.saliency import Saliency, draw_saliency
from tests.visualization.seeing import sees_squares, squares, subject


def texts(figure) -> list[str]:
    return [text.get_text() for text in figure.texts]


@pytest.mark.parametrize("signed", [False, True])
def test_every_image_has_every_map_beside_it(noise_images, signed: bool) -> None:
    maps = np.random.default_rng(0).normal(size=(2, 8, 8, 3))
    images = noise_images(2, 8, 8, 3)
    figure = draw_saliency(images, ["a", "b"], {"x": maps, "y": -maps}, "two", signed=signed)
    assert texts(figure)[0] == "two"
    assert ("blue" in texts(figure)[1]) == signed
    assert texts(figure)[2:] == ["a", "x", "y", "b", "x", "y"]


def test_all_methods_point_to_the_square() -> None:
    _, labels, inside = squares(8)
    picture = Saliency().picture(subject(8))
    for method in ("gradient", "guided", "integrated", "smoothgrad"):
        found = picture.arrays[method]
        assert found.shape == (8, 12, 12, 1)
        for label, square, values in zip(labels, inside, found[..., 0], strict=True):
            if label == 0:
                # The first kernel is a mean: more light where the square is speaks for bright.
                assert values[square].mean() > 10 * abs(values[~square].mean())
    assert len(picture.lines) == 8


def test_what_integrated_gradients_add_up_to_is_said() -> None:
    picture = Saliency(method="integrated", baseline="mean", steps=500).picture(subject(3))
    assert set(picture.arrays) == {"images", "targets", "logits", "integrated"}
    means = picture.arrays["images"].mean(axis=(1, 2, 3), keepdims=True).repeat(12, 1).repeat(12, 2)
    logits = picture.arrays["logits"]
    # Whole grey levels are what the network takes; the mean lies between two.
    start = np.asarray(sees_squares()(means.round().astype("uint8")))
    for number, target in enumerate(picture.arrays["targets"]):
        total = picture.arrays["integrated"][number].sum(dtype=float)
        rise = logits[number, target] - start[number, target]
        assert total == pytest.approx(rise, rel=0.02, abs=0.01)
        assert f"test:{number}: the logit of" in picture.lines[number]
        assert f"integrated gradients add up to {total:.4g} of" in picture.lines[number]


def test_a_class_can_be_asked_for() -> None:
    picture = Saliency(method="gradient", target="none").picture(subject(2))
    assert picture.arrays["targets"].tolist() == [2, 2]
    assert not picture.arrays["gradient"].any(), "its logit is a constant"
    with pytest.raises(UserError, match="unknown class 'nine'"):
        Saliency(target="nine").picture(subject(1))


def test_without_a_relu_guided_is_the_gradient() -> None:
    model = build_model("mlp", input_shape=(12, 12, 1), classes=3, activation="tanh")
    picture = Saliency(samples=2, steps=2).picture(subject(1, model))
    np.testing.assert_array_equal(picture.arrays["guided"], picture.arrays["gradient"])
    assert "guided: the network has no ReLU, so this is the gradient" in picture.lines
