"""Every network's parameters and MACs: the integers of the papers, live and in the catalogue."""

from __future__ import annotations

import pytest

from kerascnn.errors import UserError
from kerascnn.models.catalog import Size, count, matching, sizes
from kerascnn.models.registry import models
from kerascnn.models.summary import summarize

# Derived from the papers' tables, independently of this code; 1000 classes unless MNIST or CIFAR.
GOLDEN = {
    "airbench": (1_971_328, 118_147_360),  # of its code: no bias after the whitening
    "linear": (7_850, 7_840),
    "mlp": (238_510, 238_200),
    "mlp-300": (238_510, 238_200),
    "mlp-1000": (795_010, 794_000),
    "mlp-300-100": (266_610, 266_200),
    "mlp-500-150": (469_160, 468_500),
    "lenet5": (61_706, 416_520),
    "lenet5-1998": (60_000, 328_096),
    "ciresan2012": (76_040, 1_891_820),
    "alexnet": (60_965_224, 724_406_816),
    "alexnet-without-7": (44_183_912, 724_406_816 - 4096**2),
    "alexnet-without-6-7": (11_551_080, 675_000_864),
    "alexnet-without-3-4": (59_268_712, 437_826_080),
    "alexnet-without-3-4-6-7": (9_854_568, 388_420_128),
    "alexnet-one-tower": (61_100_840, 714_188_480),
    "zfnet": (62_357_608, 1_168_032_896),
    "vgg11": (132_863_336, 7_609_090_048),
    "vgg11-lrn": (132_863_336, 7_609_090_048),
    "vgg13": (133_047_848, 11_308_466_176),
    "vgg16-c": (133_638_952, 11_770_888_192),
    "vgg16": (138_357_544, 15_470_264_320),
    "vgg19": (143_667_240, 19_632_062_464),
    "vgg-m": (102_908_520, 1_676_172_320),
    "googlenet": (13_378_280, 1_582_671_872),
    "bn-inception": (11_285_224, 2_032_600_064),
    "prelu-net-a": (178_032_072, 19_058_106_368),
    "prelu-net-b": (183_343_048, 23_219_904_512),
    "prelu-net-c": (330_623_944, 53_463_130_112),
    "resnet18": (11_689_512, 1_814_073_344),
    "resnet34": (21_797_672, 3_663_761_408),
    "plain18": (11_515_688, 1_794_805_760),
    "plain34": (21_623_848, 3_644_493_824),
    "resnet50": (25_557_032, 3_857_973_248),
    "resnet101": (44_549_160, 7_570_194_432),
    "resnet152": (60_192_808, 11_282_415_616),
    "cifar-resnet20": (269_722, 40_551_040),
    "cifar-resnet32": (464_154, 68_862_592),
    "cifar-resnet44": (658_586, 97_174_144),
    "cifar-resnet56": (853_018, 125_485_696),
    "cifar-resnet110": (1_727_962, 252_887_680),
    "cifar-resnet1202": (19_421_274, 2_829_238_912),
    "cifar-plain20": (269_722, 40_551_040),
    "cifar-plain32": (464_154, 68_862_592),
    "cifar-plain44": (658_586, 97_174_144),
    "cifar-plain56": (853_018, 125_485_696),
    "cifar-plain110": (1_727_962, 252_887_680),
    "dropout-convnet": (13_741_578, 151_048_192),
    "stochastic-pooling": (220_042, 37_693_440),
    "maxout-mnist": (471_994, 30_746_736),
    "maxout-mlp": (1_233_610, 1_231_200),
    "maxout-cifar10": (16_247_830, 732_290_696),
    "cuda-convnet": (3_672_906, 34_689_024),
}
WITHOUT_PAPER = {"convnet"}  # a pattern, its size is the user's choice


@pytest.mark.parametrize("name", models())
def test_a_network_is_as_large_as_its_paper_says(name: str) -> None:
    live = count(name)
    assert sizes()[name] == live, "write the catalogue anew: python -m kerascnn.models.catalog"
    if name not in WITHOUT_PAPER:
        assert live == Size(*GOLDEN[name])


def test_the_catalogue_lists_what_is_registered() -> None:
    assert list(sizes()) == list(models())


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
