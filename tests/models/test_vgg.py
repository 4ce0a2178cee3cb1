from __future__ import annotations

import keras
import numpy as np
import pytest

from kerascnn.errors import UserError
from kerascnn.models.build import build_model

SIZES = {  # parameters and MACs, checked in test_catalog.py
    "vgg11": (132_863_336, 7_609_090_048),
    "vgg11-lrn": (132_863_336, 7_609_090_048),
    "vgg13": (133_047_848, 11_308_466_176),
    "vgg16-c": (133_638_952, 11_770_888_192),
    "vgg16": (138_357_544, 15_470_264_320),
    "vgg19": (143_667_240, 19_632_062_464),
}

PARAMETERS = {
    "vgg11": 132_863_336,
    "vgg11-lrn": 132_863_336,
    "vgg13": 133_047_848,
    "vgg16-c": 133_638_952,
    "vgg16": 138_357_544,
    "vgg19": 143_667_240,
}
CONVOLUTIONS = {"vgg11": 8, "vgg11-lrn": 8, "vgg13": 10, "vgg16-c": 13, "vgg16": 13, "vgg19": 16}


@pytest.mark.parametrize("name", PARAMETERS)
def test_parameters_of_the_paper(published, trainable, name):
    model = published(name)
    assert trainable(model) == model.count_params() == PARAMETERS[name]
    assert (
        sum(isinstance(layer, keras.layers.Conv2D) for layer in model.layers)
        == (CONVOLUTIONS[name])
    )


@pytest.mark.parametrize("name", PARAMETERS)
def test_batch_norm_replaces_the_biases_of_convolutions(published, trainable, name):
    convolutions = [
        layer for layer in published(name).layers if isinstance(layer, keras.layers.Conv2D)
    ]
    maps = sum(layer.filters for layer in convolutions)
    model = published(name, batch_norm=True)
    assert trainable(model) == PARAMETERS[name] + maps  # scale and shift, no bias
    assert model.count_params() == trainable(model) + 2 * maps


def test_stage_shapes(published, stages):
    expected = {
        "conv1_2": (224, 224, 64),
        "pool1": (112, 112, 64),
        "conv2_2": (112, 112, 128),
        "pool2": (56, 56, 128),
        "conv3_3": (56, 56, 256),
        "pool3": (28, 28, 256),
        "conv4_3": (28, 28, 512),
        "pool4": (14, 14, 512),
        "conv5_3": (14, 14, 512),
        "pool5": (7, 7, 512),
        "fc6": (4096,),
        "fc7": (4096,),
        "fc8": (1000,),
    }
    assert stages(published("vgg16"), expected) == expected


def test_configurations_differ_where_the_paper_says(published):
    kernels = {
        layer.name: layer.kernel_size
        for layer in published("vgg16-c").layers
        if isinstance(layer, keras.layers.Conv2D)
    }
    assert [name for name, size in kernels.items() if size == (1, 1)] == [
        "conv3_3",
        "conv4_3",
        "conv5_3",
    ]
    names = [layer.name for layer in published("vgg11-lrn").layers]
    assert [name for name in names if name.startswith("norm")] == ["norm1"]
    assert names.index("conv1_1") < names.index("norm1") < names.index("pool1")


@pytest.mark.parametrize("depth", [16, 19])
def test_equals_keras_applications(depth):
    rng = np.random.default_rng(depth)
    reference = getattr(keras.applications, f"VGG{depth}")(
        weights=None, input_shape=(32, 32, 3), classes=10, classifier_activation=None
    )
    model = build_model(f"vgg{depth}", input_shape=(32, 32, 3), classes=10, normalization="unit")
    names = {"fc1": "fc6", "fc2": "fc7", "predictions": "fc8"}
    for layer in reference.layers:
        if layer.weights:
            kernel, bias = layer.get_weights()
            name = names.get(layer.name) or layer.name.replace("block", "conv").replace(
                "_conv", "_"
            )
            model.get_layer(name).set_weights([kernel, rng.uniform(-0.1, 0.1, bias.shape)])
            layer.set_weights(model.get_layer(name).get_weights())
    images = rng.integers(0, 256, (2, 32, 32, 3), dtype=np.uint8)
    expected = reference(images / np.float32(255)).numpy()
    assert expected.std() > 0
    np.testing.assert_allclose(model(images), expected, rtol=0, atol=1e-5 * abs(expected).max())


@pytest.mark.parametrize("initialization", ["glorot", "gaussian"])
def test_starting_weights(initialization):
    model = build_model(
        "vgg11", input_shape=(32, 32, 3), classes=10, dense=(), initialization=initialization
    )
    first, second = (model.get_layer(f"conv5_{index}").kernel.numpy() for index in (1, 2))
    std = 0.01 if initialization == "gaussian" else np.sqrt(2 / (9 * 512 * 2))
    assert first.std() == pytest.approx(std, rel=0.01)
    assert not np.array_equal(first, second)
    assert not model.get_layer("conv5_1").bias.numpy().any()


def test_mean_is_subtracted_in_units_of_pixels():
    model = build_model("vgg11", input_shape=(32, 32, 3), classes=10, dense=(), filters=4)
    pixels = keras.Model(model.input, model.get_layer("pixels").output)
    images = np.full((1, 32, 32, 3), 200, np.uint8)
    np.testing.assert_allclose(pixels(images)[0, 0, 0], [76.325, 83.72, 96.47], rtol=1e-5)


def test_images_too_small():
    with pytest.raises(UserError, match="pool5 would get a 1x1 map.*smallest input is 32x32"):
        build_model("vgg16", input_shape=(31, 31, 3), classes=10)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"initialization": "he"}, "initialization: got 'he', should be 'glorot' or 'gaussian'"),
        ({"dense": (8, 8, 8)}, "dense: got"),
        ({"convolutions": ()}, "convolutions: got"),
        ({"dropout": 1}, "dropout: got 1"),
    ],
)
def test_options_out_of_range(published, options, message):
    with pytest.raises(UserError, match=message):
        published("vgg16", **options)
