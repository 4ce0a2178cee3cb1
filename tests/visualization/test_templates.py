"""A linear classifier's templates: its own weights, and no other network's."""

from __future__ import annotations

import numpy as np
import pytest

from kerascnn.errors import UserError
from kerascnn.models.build import build_model
from kerascnn.visualization.picture import Subject
from kerascnn.visualization.templates import Templates, draw_templates
from kerascnn.visualization.writing import png_of

DIGITS = tuple("0123456789")


def test_a_linear_classifier_has_a_picture_for_each_class() -> None:
    model = build_model("linear", input_shape=(8, 8, 1), classes=10)
    picture = Templates().picture(Subject("a run", model, DIGITS))
    titles = [axes.get_title() for axes in picture.figure.axes]
    assert titles == [*DIGITS, ""]  # the last one is the scale
    drawn = picture.figure.axes[3].get_images()[0].get_array()
    weights = np.asarray(model.weights[-2])
    assert np.asarray(drawn) == pytest.approx(weights[:, 3].reshape(8, 8))


def test_coloured_ones_are_images() -> None:
    templates = np.random.default_rng(0).normal(size=(8, 8, 3, 2))
    figure = draw_templates(templates, ("cat", "dog"))
    drawn = np.asarray(figure.axes[0].get_images()[0].get_array())
    assert (drawn.min(), drawn.max()) == (0, 1)
    assert png_of(figure)


def test_other_networks_have_none() -> None:
    model = build_model("lenet5", input_shape=(32, 32, 1), classes=10)
    message = (
        r"^net is no linear classifier: it has 5 layers with weights \(c1, c3, c5, f6, output\)"
    )
    with pytest.raises(UserError, match=message):
        Templates().picture(Subject("net", model, DIGITS))
