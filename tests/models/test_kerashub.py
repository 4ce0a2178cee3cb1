"""kerashub:NAME: presets of KerasHub, raw pixels in; one is made here, none can be downloaded."""

from __future__ import annotations

import importlib.util
import json
import shutil
import sys
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from kerascnn import tracking
from kerascnn.backend import keras
from kerascnn.errors import UserError
from kerascnn.models.build import build_model
from kerascnn.models.catalog import list_models, sizes
from kerascnn.models.kerashub import (
    PREFIX,
    is_preset,
    is_preset_folder,
    preset_entry,
    preset_folder,
    preset_names,
    preset_weights,
    presets,
)
from kerascnn.models.spec import ModelSpec
from kerascnn.models.summary import summarize
from kerascnn.recipe import load_recipe
from kerascnn.serving.archive import load_model
from kerascnn.training.initialization import StartingWeights, copy_weights
from tests.models.weights import theirs

SIDE = 32

needs_kerashub = pytest.mark.skipif(
    importlib.util.find_spec("keras_hub") is None,
    reason="KerasHub is not installed: pip install 'kerascnn[kerashub]'",
)


RESNET: dict[str, Any] = {
    "input_conv_filters": [64], "input_conv_kernel_sizes": [3], "stackwise_num_filters": [64, 8],
    "stackwise_num_blocks": [1, 1], "stackwise_num_strides": [1, 2], "block_type": "basic_block",
}  # fmt: skip
CSPNET: dict[str, Any] = {
    "stem_filters": 8, "stem_kernel_size": 3, "stem_strides": 1, "stackwise_depth": [1, 2],
    "stackwise_strides": [2, 2], "stackwise_num_filters": [8, 16], "block_type": "dark_block",
}  # fmt: skip
FAMILIES: dict[str, dict[str, Any]] = {
    "ResNet": RESNET,
    "ResNet-v2": RESNET | {"use_pre_activation": True},
    "ResNet-vd": RESNET
    | {
        "input_conv_filters": [8, 8, 64], "input_conv_kernel_sizes": [3, 3, 3],
        "block_type": "basic_block_vd",
    },
    "VGG": {"stackwise_num_repeats": [1, 1], "stackwise_num_filters": [4, 8]},
    "DenseNet": {"stackwise_num_repeats": [1, 2], "growth_rate": 4},
    "Xception": {"stackwise_conv_filters": [[4, 8], [8, 8]], "stackwise_pooling": [True, False]},
    "CSPNet": CSPNET
    | {
        "stem_pooling": "max", "stem_strides": 4, "stage_type": "csp", "expand_ratio": [2.0, 1.0],
        "bottle_ratio": [0.5, 1.0], "block_ratio": [1.0, 0.5],
    },
    "CSPNet-dark": CSPNET | {"stage_type": "dark"},
}  # fmt: skip


def make_preset(family: str, folder: Path) -> Path:
    """Writes a preset of a small network with weights of chance."""
    import keras_hub

    kind = family.partition("-")[0]
    backbone = getattr(keras_hub.models, f"{kind}Backbone")(**FAMILIES[family])
    rng = np.random.default_rng(0)
    for weight in backbone.weights:
        if len(weight.shape) == 1:
            weight.assign(rng.uniform(0.5, 1.0, weight.shape))
    backbone.save_to_preset(str(folder))
    converter = getattr(keras_hub.layers, f"{kind}ImageConverter")(
        image_size=(224, 224), scale=[0.017, 0.0175, 0.0174], offset=[-2.1, -2.0, -1.8]
    )
    converter.save_to_preset(str(folder))
    return folder


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_preset("ResNet", tmp_path_factory.mktemp("preset") / "small_net")


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache of KerasHub's, and no network."""
    monkeypatch.setenv("KAGGLEHUB_CACHE", str(tmp_path / "kagglehub"))
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path / "kagglehub"


def test_presets_are_listed_without_kerashub() -> None:
    assert all(map(is_preset, preset_names()))
    assert list_models("kerashub") == preset_names()
    assert list_models()[-len(presets()) :] == preset_names()
    entry = preset_entry("kerashub:csp_darknet_53_ra_imagenet")
    assert (entry.family, entry.year, entry.input_shape) == ("kerashub", 2019, (256, 256, 3))
    size = sizes()["kerashub:resnet_50_imagenet"]
    assert (size.parameters, size.macs) == (23_561_152, None)
    assert ModelSpec(name="kerashub:resnet_50_imagenet").options == {"normalization": "none"}
    assert ModelSpec(name="kerashub:ResNet-50-ImageNet").name == "kerashub:resnet_50_imagenet"
    assert is_preset_folder("kerashub:./mine")
    assert not is_preset_folder("kerashub:mine")


@needs_kerashub
def test_the_list_is_kerashubs() -> None:
    import keras_hub

    classes = ("ResNet", "VGG", "DenseNet", "Xception", "CSPNet")
    known = {
        name: (about["metadata"]["params"], about["kaggle_handle"])
        for kind in classes
        for name, about in getattr(keras_hub.models, f"{kind}Backbone").presets.items()
    }
    listed = {p.name: (p.parameters, f"kaggle://{p.handle}") for p in presets().values()}
    assert listed == known


@pytest.mark.parametrize(
    ("name", "message"),
    [
        (
            "kerashub:resnet_50_imagenett",
            "^unknown model 'kerashub:resnet_50_imagenett': did you mean kerashub:resnet_50_imagen",
        ),
        ("kerashub:", "^unknown model 'kerashub:'"),
        ("resnet_50_imagenet", "did you mean kerashub:resnet_50_imagenet"),
    ],
)
def test_unknown_names(name: str, message: str) -> None:
    with pytest.raises(UserError, match=message):
        load_recipe(name, data="digits")
    if is_preset(name):
        with pytest.raises(UserError, match=message):
            preset_entry(name)


def test_what_is_not_there_is_told_before_anything_is_imported(
    workplace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "keras_hub", None)  # as where it is not installed
    for name in ("vit", "broken"):
        Path(name).mkdir()
    Path("vit/config.json").write_text('{"class_name": "ViTBackbone"}')
    Path("broken/config.json").write_text("[]")
    for name, message in (
        ("resnet_18_imagenet", r"KerasHub is not installed: pip install 'kerascnn\[kerashub\]'$"),
        ("./gone", "^model gone/config.json: No such file .*; kerashub:FOLDER is what save_to_pr"),
        ("./broken", "^model broken/config.json: not of a preset of KerasHub$"),
        ("./vit", "a preset of ViTBackbone: only convolutional .*, ResNet, VGG, DenseNet, Xcept"),
    ):
        with pytest.raises(UserError, match=message):
            load_recipe(f"kerashub:{name}", data="digits")
        with pytest.raises(UserError, match=message):
            preset_folder(f"kerashub:{name}", weights=False)


def test_its_weights_have_their_own_word(workplace: Path, kerascnn) -> None:
    for arguments, message in (
        (
            ("convnet", "digits", "--weights", "preset"),
            "training.initialize: preset is what a preset of KerasHub comes with, convnet is none: "
            "name one, as kerashub:resnet_50_imagenet",
        ),
        (
            ("kerashub:vgg_11_imagenet", "digits", "--weights", "imagenet"),
            "the weights of kerashub:vgg_11_imagenet are called preset"
            if importlib.util.find_spec("keras_hub")
            else "KerasHub is not installed",
        ),
    ):
        done = kerascnn("train", *arguments)
        assert (done.code, done.err.count("\n")) == (2, 1)
        assert message in done.err
    assert tracking.list_runs() == []


@needs_kerashub
def test_without_a_network_nothing_is_opened(workplace: Path, cache: Path, kerascnn) -> None:
    for weights in ((), ("--weights", "preset")):
        done = kerascnn("train", "kerashub:resnet_18_imagenet", "digits", *weights)
        assert (done.code, done.err.count("\n")) == (2, 1), done.err
        why = "of Kaggle cannot be downloaded (api.kaggle.com does not answer)"
        assert f"keras/resnetv1/keras/resnet_18_imagenet/3 {why}" in done.err
        kept = cache / "models/keras/resnetv1/keras/resnet_18_imagenet"
        assert f"bring the folder {kept} from there, or set KAGGLEHUB_CACHE" in done.err
    assert tracking.list_runs() == []


@needs_kerashub
@pytest.mark.parametrize(
    "family",
    [
        name if name in ("ResNet-v2", "CSPNet") else pytest.param(name, marks=pytest.mark.ci)
        for name in FAMILIES
    ],
)
def test_equals_the_backbone_and_loads_with_keras_alone(family: str, tmp_path: Path) -> None:
    import keras_hub

    folder = make_preset(family, tmp_path / "small_net")
    name = f"{PREFIX}{folder}"
    model = build_model(name, input_shape=(SIDE, SIDE, 3), classes=3)
    assert model.name == "small_net"
    copied = copy_weights(model, StartingWeights(name, preset_weights(name)))
    assert list(copied.left) == ["predictions"]
    images = theirs.pictures(SIDE)
    backbone = keras_hub.models.Backbone.from_preset(str(folder))
    converter = keras_hub.layers.ImageConverter.from_preset(str(folder), image_size=None)
    expected = np.asarray(backbone(converter(images.astype("float32"))))
    maps = keras.Model(model.input, model.get_layer("avg_pool").input)
    np.testing.assert_allclose(maps(images), expected, rtol=0, atol=1e-4 * abs(expected).max())
    model.save(tmp_path / "model.keras")
    with zipfile.ZipFile(tmp_path / "model.keras") as archive:
        config = json.dumps(json.loads(archive.read("config.json")))
    assert "keras_hub" not in config
    assert "kerascnn" not in config
    alone = keras.saving.load_model(tmp_path / "model.keras", safe_mode=True)
    np.testing.assert_array_equal(alone(images), model(images))
    analysis = summarize(name, input_shape=(SIDE, SIDE, 3), classes=3)
    assert analysis.parameters == sum(np.prod(w.shape) for w in model.trainable_weights)


@needs_kerashub
def test_it_is_analysed_and_takes_only_what_it_can(folder: Path) -> None:
    name = f"{PREFIX}{folder}"
    analysis = summarize(name, input_shape=(SIDE, SIDE, 3), classes=3)
    model = build_model(name, input_shape=(SIDE, SIDE, 3), classes=3)
    assert analysis.parameters == sum(np.prod(w.shape) for w in model.trainable_weights)
    assert analysis.macs > 1_000_000
    assert analysis["conv1_conv"].output_shape == (16, 16, 64)
    with pytest.raises(UserError, match="takes three channels, got 1: data.colour=rgb repeats"):
        build_model(name, input_shape=(SIDE, SIDE, 1), classes=3)


@needs_kerashub
def test_a_damaged_file_of_weights(folder: Path, tmp_path: Path) -> None:
    mine = shutil.copytree(folder, tmp_path / "mine")
    (mine / "model.weights.h5").write_bytes(b"damaged")
    with pytest.raises(UserError, match="mine/model.weights.h5: damaged, or of another network"):
        preset_weights(f"{PREFIX}{mine}")
    (mine / "model.weights.h5").unlink()
    with pytest.raises(UserError, match="the folder has no model.weights.h5"):
        preset_weights(f"{PREFIX}{mine}")


@needs_kerashub
@pytest.mark.ci
def test_a_preset_goes_through_the_commands(
    folder: Path, cache: Path, workplace: Path, kerascnn
) -> None:
    """From a cache as a download leaves it."""
    handle = presets()["resnet_18_imagenet"].handle
    place = cache / "models" / handle
    shutil.copytree(folder, place)
    marks = place.parent / ".complete" / place.name
    marks.mkdir(parents=True)
    for file in ("config.json", "image_converter.json", "model.weights.h5"):
        (marks / f"{file}.complete").touch()
    words = ("train", "kerashub:resnet_18_imagenet", "digits", "--steps", 2)
    done = kerascnn(*words, "--weights", "preset", "--freeze", "conv1*", "--name", "tuned")
    assert done.code == 0, done.err
    assert "images of 32x32x3 (grey, repeated)" in done.out
    assert "; new: predictions (not in the source)" in done.out
    saved = load_model(next(workplace.rglob("model.keras")))
    kept = preset_weights("kerashub:resnet_18_imagenet")["conv1_conv"]
    np.testing.assert_array_equal(saved.model.get_layer("conv1_conv").get_weights(), kept)
    shutil.rmtree(cache)  # of what was trained all is in its run
    for command in (("evaluate", "tuned"), ("visualize", "tuned", "filters")):
        done = kerascnn(*command)
        assert done.code == 0, (command, done.err)
