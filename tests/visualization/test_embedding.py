"""Examples in the plane."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from kerascnn.data.loading import load
from kerascnn.data.spec import DataSpec
from kerascnn.errors import UserError
from kerascnn.models.build import build_model
from kerascnn.visualization.embedding import (
    Embedding,
    draw_embedding,
    in_unit_square,
    room_for_thumbnails,
)
from kerascnn.visualization.picture import Subject
from kerascnn.visualization.writing import png_of


def test_thumbnails_do_not_overlap_and_leave_no_room() -> None:
    points = np.random.default_rng(0).random((400, 2))
    chosen = room_for_thumbnails(points, 0.1)
    apart = np.abs(points[chosen, None] - points[None, chosen]).max(axis=2)
    assert apart[~np.eye(len(chosen), dtype=bool)].min() >= 0.1
    left = np.abs(points[:, None] - points[None, chosen]).max(axis=2).min(axis=1)
    assert left.max() < 0.115
    assert room_for_thumbnails(np.zeros((5, 2))).tolist() == [0]


def test_the_shape_of_a_map_stays() -> None:
    found = in_unit_square(np.array([[0.0, 10.0], [4.0, 10.0], [2.0, 12.0]]))
    np.testing.assert_allclose(found, [[0, 0.25], [1, 0.25], [0.5, 0.75]])
    np.testing.assert_allclose(in_unit_square(np.ones((3, 2))), 0.5)


@pytest.mark.parametrize(("classes", "named"), [(3, 3), (15, 15), (40, 20)])
def test_classes_are_named_while_there_is_room(classes: int, named: int, noise_images) -> None:
    generator = np.random.default_rng(0)
    labels = np.arange(200) % classes
    wrong = np.zeros(200, bool)
    wrong[:3] = True
    figure = draw_embedding(
        generator.random((200, 2)),
        labels,
        [f"_{number}" for number in range(classes)],
        wrong=wrong,
        thumbnails=(np.array([0, 9]), noise_images(2, 8, 8, 1)),
        title="map",
    )
    (axes,) = figure.axes
    (legend,) = figure.legends
    names = [text.get_text() for text in legend.get_texts()]
    assert names[:-1] == [f" _{number}" for number in range(named)]
    assert names[-1] == "wrong answer"
    more = legend.get_title().get_text()
    assert more == (f"{classes - named} more classes" if classes > named else "")
    assert len([one for one in axes.artists if hasattr(one, "xybox")]) == 2
    assert png_of(figure)


def test_of_a_network() -> None:
    data = load(DataSpec(name="digits"))
    model = build_model("mlp", input_shape=data.image_shape, classes=10, hidden=(12,))
    subject = Subject("net", model, tuple(data.classes), load_data=lambda: data)
    picture = Embedding(method="pca", examples=80).picture(subject)
    assert picture.chart
    shapes = {name: array.shape for name, array in picture.arrays.items()}
    assert shapes == {
        "points": (80, 2),
        "features": (80, 12),
        "labels": (80,),
        "answers": (80,),
        "numbers": (80,),
    }
    assert "for the images by" not in picture.lines[0]
    assert picture.lines[0].startswith("the nearest ten others have an image's own class for ")
    title = picture.figure.axes[0].get_title(loc="left")
    assert title == "net: 80 images of the test split, their 12 features by PCA"
    with pytest.raises(UserError, match="net has not been trained"):
        Embedding(method="pca").picture(replace(subject, load_data=None))
