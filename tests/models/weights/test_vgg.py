from __future__ import annotations

from pathlib import Path

import pytest

from kerascnn.models.weights.vgg import is_theirs, reaches_fully_connected
from tests.models.weights.theirs import check_equal


@pytest.mark.parametrize("name", ["vgg16", pytest.param("vgg19", marks=pytest.mark.ci)])
def test_equals_keras_applications(name: str, tmp_path: Path) -> None:
    check_equal(name, tmp_path, 32)


def test_whose_layers_they_are() -> None:
    assert is_theirs(["block1_conv1", "block5_conv3", "fc1"])
    assert not is_theirs(["conv1_1", "conv5_3"])
    assert not is_theirs(["block1_conv1", "block14_sepconv1"])  # Xception's


@pytest.mark.parametrize(
    ("shape", "reached"),
    [((224, 224, 3), True), ((255, 230, 3), True), ((256, 224, 3), False), ((64, 64, 3), False)],
)
def test_where_the_fully_connected_layers_fit(shape, reached: bool) -> None:
    assert reaches_fully_connected(shape) == reached
