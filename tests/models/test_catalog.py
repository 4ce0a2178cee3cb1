"""Every network's parameters and MACs: the integers of the papers, live and in the catalogue."""

from __future__ import annotations

import importlib
import math

import pytest

from kerascnn.backend import keras
from kerascnn.errors import UserError
from kerascnn.models.abstract import without_weights
from kerascnn.models.backbones import backbone_names
from kerascnn.models.catalog import Size, count, matching, sizes
from kerascnn.models.registry import models
from kerascnn.models.spec import known_names
from kerascnn.models.summary import summarize

WITHOUT_PAPER = {"convnet"}  # a pattern, its size is the user's choice


def _golden(name: str) -> tuple[int, int]:
    """Parameters and MACs as the tests of the network's own file give them.

    They are derived from the papers' tables, independently of this code; 1000 classes unless MNIST
    or CIFAR.
    """
    home = models()[name].builder.__module__.rpartition(".")[2]
    golden: tuple[int, int] = importlib.import_module(f"tests.models.test_{home}").SIZES[name]
    return golden


@pytest.mark.parametrize("name", models())
def test_a_network_is_as_large_as_its_paper_says(name: str) -> None:
    live = count(name)
    assert sizes()[name] == live, "write the catalogue anew: python -m kerascnn.models.catalog"
    if name not in WITHOUT_PAPER:
        assert live == Size(*_golden(name))


def test_the_catalogue_lists_what_is_registered() -> None:
    assert list(sizes()) == known_names()


@pytest.mark.parametrize(
    "name",
    [
        "keras:MobileNetV2",
        *(pytest.param(name, marks=pytest.mark.slow) for name in backbone_names()),
    ],
)
def test_a_network_of_keras_is_as_large_as_keras_has_it(name: str) -> None:
    live = count(name)
    assert sizes()[name] == live
    function = getattr(keras.applications, name.removeprefix("keras:"))
    model = without_weights(lambda: function(weights=None))
    assert live.parameters == sum(math.prod(weight.shape) for weight in model.trainable_weights)


@pytest.mark.parametrize(
    ("name", "options", "parameters", "macs"),
    [
        ("alexnet", {"groups": (1, 1, 1)}, 62_378_344, 1_135_256_096),
        ("zfnet", {"filters": (512, 1024, 512)}, 107_627_624, 2_476_704_896),
        ("vgg-m", {"dense": (4096, 2048)}, 92_469_864, 1_665_735_712),
        ("vgg-m", {"dense": (4096, 128)}, 82_683_624, 1_655_951_392),
        ("bn-inception", {"strict_output": True}, 11_194_984, 2_018_851_840),
        ("prelu-net-a", {"rectifier": "relu"}, 178_017_384, 19_058_106_368),
        ("resnet34", {"shortcut": "A"}, 21_623_848, 3_644_493_824),
        ("cifar-resnet20", {"shortcut": "B"}, 269_722 + 2_752, 40_551_040 + 262_144),
        ("maxout-mnist", {"untied_biases": False}, 418_714, 30_746_736),
    ],
)
def test_variants(name: str, options: dict, parameters: int, macs: int) -> None:
    analysis = summarize(name, **options)
    assert (analysis.parameters, analysis.macs) == (parameters, macs)


@pytest.mark.parametrize(
    ("name", "trainable", "total"),
    [
        ("resnet50", 25_557_032, 25_610_152),
        ("bn-inception", 11_285_224, 11_305_256),
        ("cifar-resnet20", 269_722, 271_098),
    ],
)
def test_moving_statistics_are_counted_apart(name: str, trainable: int, total: int) -> None:
    analysis = summarize(name)
    assert analysis.parameters == trainable
    assert analysis.parameters + analysis.statistics == total


def test_matching_by_family_and_by_words() -> None:
    assert {entry.name for entry in matching("vgg")} >= {"vgg11", "vgg16", "vgg19"}
    assert [entry.name for entry in matching(search="ALEXNET 2014")] == ["alexnet-one-tower"]
    assert matching(search="no such words") == []
    with pytest.raises(UserError, match="unknown family 'vggg': did you mean vgg"):
        matching("vggg")
