"""From what `training.initialize` names to a network that starts from it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from kerascnn import tracking
from kerascnn.backend import keras
from kerascnn.errors import UserError
from kerascnn.models.build import build_model
from kerascnn.recipe import Recipe, load_recipe
from kerascnn.serving.archive import SavedModel, load_model, save_model
from kerascnn.starting_weights import load_recipe_for_weights, settle_weights, weights_of
from kerascnn.training.session import assemble
from tests.models.weights import theirs

VGG = "vgg16_weights_tf_dim_ordering_tf_kernels_notop.h5"
RESNET = "resnet50_weights_tf_dim_ordering_tf_kernels_notop.h5"


@pytest.fixture
def cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of models in an empty cache of Keras, with no network beside it."""
    home = tmp_path_factory.mktemp("keras")
    monkeypatch.setenv("KERAS_HOME", str(home))
    for name in ("https_proxy", "HTTPS_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    (home / "models").mkdir()
    return home / "models"


def _recipe(model: str, weights: str, *settings: str) -> Recipe:
    return load_recipe(model, settings, data="digits", weights=weights)


def test_imagenet_is_resolved_where_it_can_be_seen() -> None:
    values = yaml.safe_load(_recipe("resnet50", "imagenet").to_yaml())
    assert values["training"]["initialize"] == "imagenet"
    assert values["data"]["colour"] == "rgb"
    needed = {"normalization": "imagenet", "pool_padding": 1, "stride_on": "1x1"}
    assert needed.items() <= values["model"].items()
    again = load_recipe(values)
    assert settle_weights(again) == again == _recipe("resnet50", "imagenet")


@pytest.mark.parametrize(
    ("model", "weights", "settings", "message"),
    [
        ("lenet5", "imagenet", [], "there are no ImageNet weights for lenet5; there are for vgg16"),
        ("resnet50", "imagenet", ["model.stride_on=3x3"], "^model.stride_on: got '3x3', but the"),
        ("vgg16", "imagenet", ["data.colour=grey"], "^data.colour: got 'grey', but the weights"),
        ("vgg16", "imagnet", [], "^unknown weights 'imagnet': did you mean imagenet"),
        ("vgg16", "gone.h5", [], "^gone.h5: No such file"),
        ("vgg16", "gone.keras", [], "^gone.keras: No such file"),
        ("vgg16", "old.pt", [], "^training.initialize: got 'old.pt', must be imagenet, a .keras"),
    ],
)
def test_mistakes_are_told_before_anything_is_built(
    workplace: Path, model: str, weights: str, settings: list[str], message: str
) -> None:
    Path("old.pt").touch()
    with pytest.raises(UserError, match=message):
        settle_weights(_recipe(model, weights, *settings))


def test_no_network(cache: Path) -> None:
    recipe = _recipe("resnet50", "imagenet")
    with pytest.raises(UserError) as raised:
        assemble(recipe, weights_of=weights_of)
    assert re.fullmatch(
        rf"training.initialize: {RESNET} cannot be downloaded \(.*Connection refused.*\): put "
        rf"https://storage.googleapis.com/tensorflow/keras-applications/resnet/{RESNET} at "
        rf"{cache}/{RESNET}, or set KERAS_HOME to a cache that has it",
        str(raised.value),
    )


def test_a_damaged_file_in_the_cache(cache: Path) -> None:
    (cache / RESNET).write_bytes(b"half")
    with pytest.raises(UserError, match="damaged, .*; without it, it is downloaded anew$"):
        weights_of(_recipe("resnet50", "imagenet"), (8, 8, 3), 10, lambda line: None)


def test_a_network_starts_from_imagenet_on_grey_images(cache: Path) -> None:
    model = theirs.build("vgg16", include_top=False, input_shape=(32, 32, 3))
    theirs.write(model, cache / VGG)
    lines: list[str] = []
    recipe = _recipe("vgg16", "imagenet", "data.image_size=32", "model.dense=[4]")
    session = assemble(recipe, weights_of=weights_of, report=lines.append)
    assert "images of 32x32x3 (grey, repeated)" in lines[0]
    assert "not the published file" in lines[1]
    assert lines[-1] == (
        "initialized from imagenet: the weights of 13 of 15 layers; "
        "new: fc6 (not in the source), fc8 (not in the source)"
    )
    pictures = theirs.pictures(32)
    seen = keras.Model(session.network.input, session.network.get_layer("pool5").output)
    expected = np.asarray(model(theirs.preprocessed("vgg16", pictures)))
    np.testing.assert_allclose(seen(pictures), expected, rtol=0, atol=1e-4 * expected.max())


@pytest.mark.ci
def test_a_backbone_starts_from_imagenet_and_from_itself(cache: Path, tmp_path: Path) -> None:
    model = keras.applications.MobileNetV2(weights=None, include_top=False, input_shape=(32, 32, 3))
    theirs.write(model, cache / "mobilenet_v2_weights_tf_dim_ordering_tf_kernels_1.0_224_no_top.h5")
    lines: list[str] = []
    session = assemble(
        _recipe("keras:MobileNetV2", "imagenet"), weights_of=weights_of, report=lines.append
    )
    assert lines[-1].endswith(
        "the weights of 104 of 105 layers; new: predictions (not in the source)"
    )
    pictures = theirs.pictures(32)
    seen = keras.Model(session.network.input, session.network.get_layer("out_relu").output)
    expected = np.asarray(model(pictures / np.float32(127.5) - 1))
    np.testing.assert_allclose(seen(pictures), expected, rtol=0, atol=1e-4 * expected.max())
    path = tmp_path / "trained.keras"
    save_model(SavedModel(session.network, session.data.classes, session.recipe), path)
    again = settle_weights(_recipe("keras:MobileNetV2", str(path)))
    assemble(again, weights_of=weights_of, report=lines.append)
    assert lines[-1].endswith("the weights of 105 of 105 layers")


def test_files_of_keras_and_of_ours(tmp_path: Path) -> None:
    options: dict[str, Any] = {"filters": 2, "dense": [3], "normalization": "imagenet"}
    settings = [f"model.{name}={value}" for name, value in options.items()][:2]
    ours = build_model("vgg16", input_shape=(32, 32, 3), classes=10, **options)
    trained = _recipe("vgg16", "imagenet", *settings)
    save_model(SavedModel(ours, tuple("0123456789"), trained), tmp_path / "ours.keras")
    ours.save_weights(tmp_path / "ours.weights.h5")
    for name in ("ours.keras", "ours.weights.h5"):
        recipe = settle_weights(
            _recipe("vgg16", str(tmp_path / name), "data.image_size=32", *settings)
        )
        # Only a model remembers how it was trained.
        expected = "imagenet" if name == "ours.keras" else "center"
        assert recipe.model.options["normalization"] == expected
        assert recipe.data.colour == ("rgb" if name == "ours.keras" else "auto")
        found = weights_of(recipe, (32, 32, 3), 10, lambda line: None)
        for layer in ours.layers:
            for one, other in zip(
                layer.get_weights(), found.layers.get(layer.name, ()), strict=True
            ):
                np.testing.assert_array_equal(one, other)


def test_a_file_of_keras_applications_is_known_by_its_layers(tmp_path: Path) -> None:
    images = keras.Input((8, 8, 3))
    x = keras.layers.Conv2D(4, 3, name="block1_conv1")(images)
    model = keras.Model(images, keras.layers.Conv2D(2, 3, name="block5_conv3")(x))
    model.save_weights(tmp_path / "their.weights.h5")
    recipe = settle_weights(_recipe("vgg16", str(tmp_path / "their.weights.h5")))
    assert recipe.model.options["normalization"] == "imagenet"
    found = weights_of(recipe, (8, 8, 3), 10, lambda line: None)
    assert set(found.layers) == {"conv1_1", "conv5_3"}


def test_a_run_is_found_by_name(trained: Path) -> None:
    recipe = _recipe("lenet5", "first")
    assert settle_weights(recipe) == recipe
    found = weights_of(recipe, (8, 8, 1), 10, lambda line: None)
    assert set(found.layers) == {"c1", "c3", "c5", "f6", "output"}
    with pytest.raises(UserError, match=r"unknown run 'frist': did you mean first"):
        settle_weights(_recipe("lenet5", "frist"))


@pytest.mark.ci
@pytest.mark.realdata
@pytest.mark.parametrize("data", ["photos", pytest.param("digits", marks=pytest.mark.slow)])
def test_training_from_imagenet(data: str, cache: Path, workplace, kerascnn, test_data) -> None:
    model = theirs.build("resnet50", include_top=False, input_shape=(32, 32, 3))
    theirs.write(model, cache / RESNET)
    name = data if data == "digits" else f"folder:{test_data}/photos"
    done = kerascnn(
        "train", "resnet50", name, "--weights", "imagenet", "--freeze", "conv*",
        "--image-size", "32", "--epochs", "1", "--name", "tuned",
    )  # fmt: skip
    assert done.code == 0, done.err
    assert (
        "initialized from imagenet: the weights of 106 of 107 layers; new: fc (not in" in done.out
    )
    kept = load_model(next(workplace.rglob("model.keras")))
    assert kept.recipe.model.options["normalization"] == "imagenet"
    pictures = theirs.pictures(32)
    seen = keras.Model(kept.model.input, kept.model.get_layer("conv5_3_relu").output)
    expected = np.asarray(model(theirs.preprocessed("resnet50", pictures)))
    np.testing.assert_allclose(seen(pictures), expected, rtol=0, atol=1e-4 * expected.max())


def test_a_recipe_that_starts_from_a_run_has_its_network(trained: Path) -> None:
    recipe = load_recipe_for_weights("finetune", data="folder:photos", weights="first")
    own = load_recipe("digits-quick")
    assert (recipe.model, recipe.data.name) == (own.model, "folder:photos")
    assert (recipe.data.image_size, recipe.data.colour) == ((32, 32), "grey")
    assert recipe.training.initialize == "first"
    assert settle_weights(recipe) == recipe
    file = tracking.load_run("first").artifact("model.keras")
    from_file = load_recipe_for_weights("finetune", data="folder:photos", weights=str(file))
    assert (from_file.model, from_file.data) == (recipe.model, recipe.data)


def test_what_is_chosen_stays(trained: Path) -> None:
    named = load_recipe_for_weights("finetune", model="vgg16", weights="first")
    assert (named.model.name, named.data.image_size) == ("vgg16", (224, 224))
    sized = load_recipe_for_weights("finetune", weights="first", image_size=40)
    assert (sized.model.name, sized.data.image_size) == ("lenet5", (40, 40))
    other = load_recipe_for_weights("vgg16-imagenet", weights="first")
    assert other.model.name == "vgg16", "that recipe starts from no weights"
    plain = load_recipe_for_weights("finetune", data="cifar10")
    assert plain.model.name == "keras:EfficientNetV2B0"
    with pytest.raises(UserError, match="unknown run 'frist': did you mean first"):
        load_recipe_for_weights("finetune", weights="frist")
