"""The patches that excite units most: cut where the units look, drawn beside what they see."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pytest
from matplotlib.figure import Figure
from PIL import Image

from kerascnn import build_model
from kerascnn.backend import keras
from kerascnn.data.dataset import ImageData
from kerascnn.data.loading import load
from kerascnn.data.spec import DataSpec
from kerascnn.errors import UserError
from kerascnn.inspection.layers import feature_maps, followed
from kerascnn.visualization.kinds import Kind
from kerascnn.visualization.patches import Excited, Patches, draw_patches, layers_in_rows
from kerascnn.visualization.picture import Subject
from tests.data.splits import array_images


@pytest.fixture(scope="module")
def data() -> ImageData:
    return load(DataSpec(name="digits"))


@pytest.fixture(scope="module")
def subject(data: ImageData) -> Subject:
    keras.utils.set_random_seed(0)
    model = build_model("lenet5", input_shape=data.image_shape, classes=10)
    return Subject("first", model, data.classes, load_data=lambda: data)


def rendered(figure: Figure) -> np.ndarray:
    content = io.BytesIO()
    figure.savefig(content, format="png")
    return np.asarray(Image.open(content).convert("RGB")).astype(int)


def texts(figure: Figure) -> list[str]:
    return [text.get_text() for text in figure.texts if text.get_text()]


def test_patches_are_cut_where_the_units_look(subject: Subject, data: ImageData) -> None:
    picture = Kind.of({"name": "patches", "layer": "c3", "units": 4}).picture(subject)
    arrays = picture.arrays
    pixels = array_images(data.splits["validation"]).pixels
    maps = feature_maps(subject.model)["c3"]
    values = followed(subject.model, [maps.output]).predict(pixels, verbose=0)[0]
    best = values.reshape(len(pixels), -1, 16).max(axis=1)
    means = np.sort(best, axis=0)[-9:].mean(axis=0)
    np.testing.assert_array_equal(arrays["units"], np.argsort(-means)[:4])
    assert arrays["patches"].shape == arrays["reconstructions"].shape == (4, 9, 14, 14, 1)
    for row, unit in enumerate(arrays["units"]):
        np.testing.assert_allclose(
            arrays["activations"][row], np.sort(best[:, unit])[::-1][:9], rtol=1e-5
        )
        assert len(set(arrays["images"][row].tolist())) == 9, "one patch from each image"
        for image, position, patch in zip(
            arrays["images"][row], arrays["positions"][row], arrays["patches"][row], strict=True
        ):
            assert values[(image, *position, unit)] == pytest.approx(best[image, unit], rel=1e-5)
            top, left = 2 * position  # 5x5 kernels without padding, and 2x2 pooling between
            np.testing.assert_array_equal(patch, pixels[image, top : top + 14, left : left + 14])
    assert np.isfinite(arrays["reconstructions"]).all()
    assert arrays["reconstructions"].any(axis=(2, 3, 4)).all()
    assert "c3: its units see 14x14 pixels" in picture.lines[0]
    assert "153 validation images of digits" in picture.lines[0]
    assert "first: what excites the units of c3 most" in texts(picture.figure)


def test_what_lies_beyond_the_image_is_left_out(data: ImageData) -> None:
    """A unit that is the pixel itself, of a padded convolution, is cut at the image's edge."""
    images = keras.Input(data.image_shape, dtype="uint8", name="images")
    x = keras.layers.Rescaling(1.0, name="pixels")(images)
    x = keras.layers.Conv2D(1, 3, padding="same", use_bias=False, name="conv1")(x)
    logits = keras.layers.Dense(10, name="logits")(keras.layers.Flatten()(x))
    model = keras.Model(images, logits)
    kernel = np.zeros((3, 3, 1, 1))
    kernel[1, 1] = 1
    model.get_layer("conv1").set_weights([kernel])
    subject = Subject("one", model, data.classes, load_data=lambda: data)
    arrays = Patches(layer="conv1", split="test", unit=(0,)).picture(subject).arrays
    pixels = array_images(data.splits["test"]).pixels
    padded = np.pad(pixels.astype(float), ((0, 0), (1, 1), (1, 1), (0, 0)), constant_values=np.nan)
    clipped = 0
    for image, (row, column), patch, back in zip(
        *(arrays[field][0] for field in ("images", "positions", "patches", "reconstructions")),
        strict=True,
    ):
        expected = padded[image, row : row + 3, column : column + 3]
        inside = np.isfinite(expected)
        np.testing.assert_array_equal(patch, np.where(inside, expected, 255))
        np.testing.assert_array_equal(np.isfinite(back), inside)
        assert back[1, 1, 0] == expected[1, 1, 0] == pixels[image].max() == back[inside].sum()
        clipped += not inside.all()
    assert clipped


def test_a_unit_by_number_and_few_images(subject: Subject) -> None:
    arrays = Patches(layer="c1", unit=(3, 0, 3), examples=5, split="test").picture(subject).arrays
    np.testing.assert_array_equal(arrays["units"], [3, 0])
    np.testing.assert_array_equal(np.sort(arrays["images"][0])[:4], [-1] * 4)
    assert arrays["images"].max() < 5
    assert (arrays["patches"][:, 5:] == 255).all()
    assert np.isnan(arrays["reconstructions"][:, 5:]).all()


def test_a_row_for_each_layer(subject: Subject) -> None:
    picture = Patches(layer="all").picture(subject)
    assert {"c1_patches", "c3_reconstructions", "c3_units"} <= set(picture.arrays)
    assert len(picture.lines) == 2
    shown = texts(picture.figure)
    assert {"c1 5x5", "c3 14x14", "first: what excites its units most"} <= set(shown)
    assert sum(text.startswith("unit ") for text in shown) == 6


def test_the_last_layer_with_maps_unless_another_is_named(subject: Subject) -> None:
    assert "s4: its units see 16x16 pixels" in Patches(examples=20).picture(subject).lines[0]


def unit_of(patches: np.ndarray, reconstructions: np.ndarray) -> Excited:
    return Excited(7, np.ones(9), np.arange(9), np.zeros((9, 2), int), patches, reconstructions)


def test_zero_is_grey_and_what_lies_beyond_the_image_is_neither() -> None:
    patches = np.full((9, 4, 4, 1), 30, np.uint8)
    reconstructions = np.zeros((9, 4, 4, 1), np.float32)
    reconstructions[:, 0, 0] = 2
    reconstructions[:, 1, 1] = -0.5
    reconstructions[:, 3] = np.nan
    figure = draw_patches([[(unit_of(patches, reconstructions), "")]], title="")
    colours, counts = np.unique(rendered(figure).reshape(-1, 3), axis=0, return_counts=True)
    pixels = {tuple(map(int, c)): n for c, n in zip(colours, counts, strict=True)}
    cell = 16**2  # a pixel of 4x4 in 64x64
    assert pixels[(30, 30, 30)] == 9 * 12 * cell
    assert pixels[(128, 128, 128)] == 9 * 10 * cell
    assert pixels[(96, 96, 96)] == 9 * cell
    assert pixels[(212, 224, 241)] == 2 * 9 * 4 * cell


@pytest.mark.parametrize("side", [1, 3, 32, 70, 224])
def test_patches_of_any_size(side: int) -> None:
    rng = np.random.default_rng(0)
    patches = rng.integers(0, 256, (9, side, side, 3), dtype=np.uint8)
    other = rng.integers(0, 256, (9, 11, 11, 3), dtype=np.uint8)
    units = [unit_of(one, rng.normal(size=one.shape)) for one in (patches, other)]
    for row in ([units[0]], units):
        figure = draw_patches([[(unit, "") for unit in row]], title="")
        width, height = figure.get_size_inches() * 100
        assert 100 < height < 260
        assert 200 * len(row) < width < 500 * len(row)


@pytest.mark.parametrize(
    ("name", "side", "count", "first"),
    [
        ("vgg16", 64, 13, "conv1_1 conv1_2 conv2_1"),
        ("alexnet", 67, 5, "conv1 conv2 conv3"),
        ("googlenet", 96, 12, "conv1 conv2_reduce conv2 inception_3a"),
        ("cifar-resnet20", 32, 10, "conv1 conv2_1_add conv2_2_add"),
        ("cifar-resnet56", 32, 18, "conv1"),
    ],
)
def test_layers_that_stand_for_a_network(name: str, side: int, count: int, first: str) -> None:
    model = build_model(name, input_shape=(side, side, 3), classes=3, abstract=True)
    rows = layers_in_rows(model)
    assert len(rows) == count
    for row, begins in zip(rows, first.split(), strict=False):
        assert row.startswith(begins)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"layer": "c33"}, "unknown layer 'c33': did you mean c3"),
        ({"layer": "c1", "unit": (6,)}, "unit: got 6, layer 'c1' has units 0 to 5"),
        ({"layer": "all", "unit": (1,)}, "unit: got 1, but --layer all"),
    ],
)
def test_what_is_not_there(subject: Subject, options: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=message):
        Patches(**options).picture(subject)


def test_a_network_without_maps_or_without_images(subject: Subject, data: ImageData) -> None:
    mlp = build_model("mlp", input_shape=data.image_shape, classes=10)
    for layer in (None, "all"):
        with pytest.raises(UserError, match="mlp has no feature maps"):
            Patches(layer=layer).picture(Subject("m", mlp, data.classes, load_data=lambda: data))
    with pytest.raises(UserError, match="lenet5 has not been trained"):
        Patches().picture(Subject("lenet5", subject.model, data.classes))


def test_units_that_nothing_excites(data: ImageData) -> None:
    model = build_model("lenet5", input_shape=data.image_shape, classes=10)
    kernel, bias = model.get_layer("c1").get_weights()
    model.get_layer("c1").set_weights([kernel * 0, bias - 1])
    dead = Subject("dead", model, data.classes, load_data=lambda: data)
    with pytest.raises(UserError, match="no image excites any unit of c1"):
        Patches(layer="c1").picture(dead)
