"""Feature maps of one image, as a sheet."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from kerascnn.errors import UserError
from kerascnn.inspection.activations import dead_maps
from kerascnn.models.build import build_model
from kerascnn.visualization.features import Features, LayerMaps, draw_features
from kerascnn.visualization.writing import png_of
from tests.visualization.seeing import sees_squares, squares, subject


def texts(figure) -> list[str]:
    return [text.get_text() for text in figure.texts]


def test_every_stage_has_its_name_size_and_dead_maps(noise_images) -> None:
    alive = np.random.default_rng(0).random((5, 4, 20)).astype(np.float32)
    alive[..., 3] = 0
    figure = draw_features(
        [LayerMaps("c1", alive), LayerMaps("t2", alive[..., :2] - 0.5)],
        noise_images(1, 10, 8, 3)[0],
        title="two",
    )
    found = texts(figure)
    assert found[0] == "two"
    assert {"image", "c1: 5x4, 16 of 20 maps", "t2: 5x4, 2 maps", "3 dead"} <= set(found)
    assert sum("dead" in text for text in found) == 1
    assert png_of(figure)


def test_a_bright_square_excites_the_map_for_bright_alone() -> None:
    _, labels, _ = squares(9)
    plain = subject(9)
    for label, image in zip(labels, plain.images, strict=True):
        picture = Features().picture(replace(plain, images=(image,)))
        maps = picture.arrays["conv1"]
        assert maps.shape == (10, 10, 2)
        alive = [label == 0, label == 1]
        assert (~dead_maps(maps)).tolist() == alive
        dead = 2 - sum(alive)
        assert picture.lines[0] == (
            f"conv1 (conv 3x3): 2 maps of 10x10; {dead} dead for this image"
        )
        assert set(picture.arrays) == {"image", "conv1", "conv2"}


def test_one_layer_alone_and_no_more_maps_than_are_wanted() -> None:
    picture = Features(layer="conv2", maps=1).picture(subject(1, sees_squares()))
    assert set(picture.arrays) == {"image", "conv2"}
    assert "2 maps of 5x5, the first 1 drawn" in picture.lines[0]
    assert "conv2: 5x5, 1 of 2 maps" in texts(picture.figure)
    with pytest.raises(UserError, match="unknown layer 'conv3'"):
        Features(layer="conv3").picture(subject(1))
    linear = build_model("linear", input_shape=(12, 12, 1), classes=3)
    with pytest.raises(UserError, match="has no feature maps: it is not convolutional"):
        Features().picture(subject(1, linear))
