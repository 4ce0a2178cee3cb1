from __future__ import annotations

from pathlib import Path

import pytest

from kerascnn.models.weights.resnet import is_theirs
from tests.models.weights.theirs import check_equal


@pytest.mark.parametrize(
    "name",
    [
        "resnet50",
        pytest.param("resnet101", marks=pytest.mark.ci),
        pytest.param("resnet152", marks=pytest.mark.ci),
    ],
)
def test_equals_keras_applications(name: str, tmp_path: Path) -> None:
    check_equal(name, tmp_path, 32)


def test_whose_layers_they_are() -> None:
    assert is_theirs(["conv1_conv", "conv1_bn", "conv2_block1_3_bn", "predictions"])
    assert not is_theirs(["conv1", "conv1_bn", "conv2_1_a"])
    # Version 2 has no batch norm after its first convolution.
    assert not is_theirs(["conv1_conv", "conv2_block1_preact_bn", "post_bn"])
