from __future__ import annotations

import inspect
import sys

import pytest

from kerascnn.errors import UserError
from kerascnn.models.spec import ModelSpec
from kerascnn.models.weights.published import PUBLISHED, of_layers, published, with_options
from tests.models.weights.theirs import BUILDERS


@pytest.mark.parametrize("name", PUBLISHED)
def test_files_and_digests_are_those_of_keras(name: str) -> None:
    module = sys.modules[BUILDERS[name].__module__]
    source = inspect.getsource(module).replace('"\n    "', "").replace('"\n        "', "")
    for file in (PUBLISHED[name].whole, PUBLISHED[name].without_top):
        assert f'"{file.md5}"' in source
        folder, _, end = file.url.rpartition("/")
        assert f"{folder}/" in source
        if name.startswith("vgg"):
            assert file.url in source
        else:
            assert end.removeprefix(name) in source.replace("{weights_name}", "")
        assert end == file.name


@pytest.mark.parametrize(
    ("name", "side", "classes", "whole"),
    [
        ("resnet50", 224, 1000, True),
        ("resnet50", 224, 10, False),
        ("vgg16", 224, 10, True),
        ("vgg16", 64, 10, False),
    ],
)
def test_the_file_without_top_where_nothing_of_the_top_is_of_use(name, side, classes, whole):
    found = published(name)
    expected = found.whole if whole else found.without_top
    assert found.file(name, (side, side, 3), classes) == expected


def test_a_network_that_has_none() -> None:
    with pytest.raises(UserError, match=r"no ImageNet weights for lenet5; there are for vgg16, vg"):
        published("lenet5")


def test_whose_layers_they_are() -> None:
    theirs = of_layers(["conv1_conv", "conv1_bn", "conv2_block1_3_bn"])
    assert theirs is not None
    assert theirs.options == PUBLISHED["resnet152"].options
    assert of_layers(["conv1", "fc"]) is None


def test_a_network_gets_the_options_that_the_weights_need() -> None:
    needed = published("resnet50").options
    spec = with_options(ModelSpec(name="resnet50"), needed, "ImageNet")
    assert (spec.options["normalization"], spec.options["pool_padding"]) == ("imagenet", 1)
    assert with_options(spec, needed, "ImageNet") == spec
    lenet = with_options(ModelSpec(name="lenet5"), needed, "ImageNet")
    assert lenet.options["normalization"] == "imagenet"  # it has no pool padding


def test_what_was_chosen_is_not_changed_silently() -> None:
    chosen = ModelSpec(name="resnet50", stride_on="3x3")
    message = r"^model.stride_on: got '3x3', but the weights of ImageNet were trained with '1x1'"
    with pytest.raises(UserError, match=message):
        with_options(chosen, published("resnet50").options, "ImageNet")
