"""keras:NAME: the networks of keras.applications, raw pixels in."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from kerascnn.backend import keras
from kerascnn.errors import UserError
from kerascnn.models.abstract import without_weights
from kerascnn.models.backbones import (
    BACKBONES,
    Pixels,
    backbone_entry,
    backbone_names,
    is_backbone,
    name_layers,
    preprocess,
)
from kerascnn.models.build import build_model
from kerascnn.models.catalog import sizes
from kerascnn.models.spec import ModelSpec
from kerascnn.recipe import load_recipe
from kerascnn.serving.archive import load_model
from kerascnn.tuning.builtin import builtin_space
from tests.models.weights import theirs

SMALL = {"alpha": 0.25, "minimalistic": True}


def _build(name: str, side: int, classes: int = 3, **options: Any) -> keras.Model:
    return build_model(f"keras:{name}", input_shape=(side, side, 3), classes=classes, **options)


def test_every_network_of_keras_applications_is_listed() -> None:
    functions = {name for name in dir(keras.applications) if name[0].isupper()}
    assert set(BACKBONES) == functions
    assert [name for name in sizes() if is_backbone(name)] == backbone_names()
    entry = backbone_entry("keras:Xception")
    assert (entry.family, entry.input_shape, entry.classes) == ("keras", (299, 299, 3), 1000)


@pytest.mark.parametrize("mode", ["tf", "torch", "caffe"])
def test_pixels_are_what_keras_makes_of_them(mode: Pixels) -> None:
    images = theirs.pictures(8)
    pixels = keras.Input((8, 8, 3), dtype="uint8")
    x = keras.layers.Rescaling(1.0)(pixels)
    model = keras.Model(pixels, preprocess(x, mode))
    expected = keras.applications.imagenet_utils.preprocess_input(
        images.astype("float32"), mode=mode
    )
    np.testing.assert_allclose(model(images), expected, rtol=1e-5, atol=1e-4)


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("MobileNet", {"alpha": 0.25}),
        ("MobileNetV3Small", SMALL),
        pytest.param("DenseNet121", {}, marks=pytest.mark.ci),
        pytest.param("EfficientNetV2B0", {}, marks=pytest.mark.ci),
        pytest.param("ConvNeXtTiny", {}, marks=pytest.mark.ci),
        pytest.param("ResNet50", {}, marks=pytest.mark.ci),
        pytest.param("InceptionV3", {}, marks=pytest.mark.ci),
    ],
)
def test_equals_keras_applications_and_loads_with_keras_alone(
    name: str, options: dict[str, Any], tmp_path: Path
) -> None:
    side = max(32, BACKBONES[name].smallest)
    ours = _build(name, side, **options)
    reference = getattr(keras.applications, name)(
        weights=None,
        input_shape=(side, side, 3),
        classes=3,
        classifier_activation=None,
        **options,
    )
    rng = np.random.default_rng(0)
    for weight in ours.weights:
        if len(weight.shape) == 1:
            weight.assign(rng.uniform(0.5, 1.0, weight.shape))
    reference.set_weights(ours.get_weights())
    images = theirs.pictures(side)
    pixels = images.astype("float32")
    if BACKBONES[name].pixels != "inside":
        pixels = keras.applications.imagenet_utils.preprocess_input(
            pixels, mode=BACKBONES[name].pixels
        )
    expected = np.asarray(reference(pixels))
    received = np.asarray(ours(images))
    np.testing.assert_allclose(received, expected, rtol=0, atol=1e-4 * abs(expected).max())
    ours.save(tmp_path / "model.keras")
    with zipfile.ZipFile(tmp_path / "model.keras") as archive:
        assert "kerascnn" not in json.dumps(json.loads(archive.read("config.json")))
    alone = keras.saving.load_model(tmp_path / "model.keras", safe_mode=True)
    np.testing.assert_array_equal(alone(images), received)


def test_options_of_the_builder_are_fields() -> None:
    recipe = load_recipe("keras:mobilenetv3small", ["model.alpha=0.5"], data="digits")
    assert recipe.model.name == "keras:MobileNetV3Small"
    assert recipe.model.options == {
        "alpha": 0.5, "minimalistic": False, "dropout": 0.2, "normalization": "none"
    }  # fmt: skip
    assert recipe.data.colour == "rgb"
    assert ModelSpec(name="keras:EfficientNetB0").options == {"normalization": "none"}
    with pytest.raises(UserError, match=r"^data.colour: got 'grey', but keras:VGG16 is for three"):
        load_recipe("keras:VGG16", ["data.colour=grey"], data="digits")


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("keras:EfficientNetB9", "^unknown model 'keras:EfficientNetB9': did you mean keras:Effic"),
        ("EfficientNetB0", "^unknown model 'EfficientNetB0': did you mean keras:EfficientNetB0"),
        ("keras:", "^unknown model 'keras:'"),
    ],
)
def test_unknown_names(name: str, message: str) -> None:
    with pytest.raises(UserError, match=message):
        ModelSpec(name=name)
    if is_backbone(name):
        with pytest.raises(UserError, match=message):
            backbone_entry(name)


def test_images_that_are_too_small_or_grey() -> None:
    with pytest.raises(UserError, match="got images of 70x70; the smallest input is 71x71$"):
        _build("Xception", 70)
    with pytest.raises(UserError, match="takes three channels, got 1: data.colour=rgb repeats"):
        build_model("keras:MobileNetV2", input_shape=(32, 32, 1), classes=3)


def test_names_are_the_same_whatever_was_built_before() -> None:
    names = [
        [layer.name for layer in without_weights(lambda: _build("Xception", 71)).layers]
        for _ in range(2)
    ]
    assert names[0] == names[1]
    assert {"conv2d", "conv2d_1", "batch_normalization", "block1_conv1"} <= set(names[0])


def test_a_layer_that_is_named_as_our_outputs_is_renamed() -> None:
    images = keras.Input((4,))
    x = keras.layers.Dense(3, name="logits")(images)
    model = keras.Model(images, keras.layers.Dense(3, name="dense_7")(x))
    name_layers(model)
    assert [layer.name for layer in model.layers[1:]] == ["head", "dense"]


@pytest.mark.slow
def test_a_backbone_goes_through_the_commands(workplace: Path, kerascnn) -> None:
    network, width = "keras:MobileNetV3Small", ("--set", "model.alpha=0.25")
    done = kerascnn("train", network, "digits", *width, "--steps", "2", "--name", "small")
    assert done.code == 0, done.err
    assert "images of 32x32x3 (grey, repeated)" in done.out
    assert load_model(next(workplace.rglob("model.keras"))).model.name == "MobileNetV3Small"
    for words in (("evaluate", "small"), ("summary", network, "--alpha", "0.25")):
        done = kerascnn(*words)
        assert done.code == 0, (words, done.err)


def test_a_sweep_has_a_space_for_it() -> None:
    assert "model.dropout" in builtin_space("keras:MobileNetV3Small").ranges
