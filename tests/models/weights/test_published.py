from __future__ import annotations

from functools import partial
from typing import Any

import pytest

from kerascnn.backend import keras
from kerascnn.errors import UserError
from kerascnn.models.abstract import without_weights
from kerascnn.models.backbones import backbone_names
from kerascnn.models.spec import ModelSpec
from kerascnn.models.weights.published import (
    PUBLISHED,
    WeightsFile,
    of_layers,
    published,
    with_options,
)


@pytest.mark.parametrize(
    "name", ["vgg16", "keras:MobileNetV3Small", *(pytest.param(name, marks=pytest.mark.slow)
    for name in (*PUBLISHED, *backbone_names()))],
)  # fmt: skip
def test_files_are_those_that_keras_asks_for(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    class AskedError(Exception):
        pass

    def get_file(name: str, url: str, **words: Any) -> None:
        asked.append(WeightsFile(name, url, words.get("file_hash")))
        raise AskedError

    found = published(name)
    asked: list[WeightsFile] = []
    builder = getattr(keras.applications, found.name)
    monkeypatch.setattr(builder.__globals__["file_utils"], "get_file", get_file)
    for top in (True, False):
        side = (224, 224, 3) if found.name.startswith("MobileNet") else None
        ask = partial(builder, weights="imagenet", include_top=top, input_shape=side)
        with pytest.raises(AskedError):
            without_weights(ask)
    assert asked == [found.whole, found.without_top]


@pytest.mark.parametrize(
    ("name", "side", "classes", "files"),
    [
        ("resnet50", 224, 1000, ["whole"]),
        ("resnet50", 224, 10, ["without_top", "whole"]),
        ("vgg16", 224, 10, ["whole"]),
        ("keras:VGG16", 224, 10, ["whole"]),
        ("vgg16", 64, 10, ["without_top", "whole"]),
        ("keras:MobileNetV3Small", 64, 10, ["whole"]),
        ("keras:Xception", 75, 10, ["without_top", "whole"]),
    ],
)
def test_the_file_without_top_where_nothing_of_the_top_is_of_use(name, side, classes, files):
    found = published(name)
    expected = tuple(getattr(found, file) for file in files)
    assert found.files((side, side, 3), classes) == expected


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


def test_a_backbone_needs_its_usual_width() -> None:
    needed = published("keras:MobileNetV3Small").options
    assert needed == {"alpha": 1.0, "minimalistic": False, "normalization": "none"}
    with pytest.raises(UserError, match=r"^model.alpha: got 0.5, but the weights of ImageNet"):
        with_options(ModelSpec(name="keras:MobileNetV3Small", alpha=0.5), needed, "ImageNet")


def test_what_was_chosen_is_not_changed_silently() -> None:
    chosen = ModelSpec(name="resnet50", stride_on="3x3")
    message = r"^model.stride_on: got '3x3', but the weights of ImageNet were trained with '1x1'"
    with pytest.raises(UserError, match=message):
        with_options(chosen, published("resnet50").options, "ImageNet")
