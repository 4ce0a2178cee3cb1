from __future__ import annotations

import keras
import numpy as np
import pytest

from kerascnn.errors import UserError
from kerascnn.models.build import build_model

SIZES = {  # parameters and MACs, checked in test_catalog.py
    "resnet18": (11_689_512, 1_814_073_344),
    "plain18": (11_515_688, 1_794_805_760),
    "resnet34": (21_797_672, 3_663_761_408),
    "plain34": (21_623_848, 3_644_493_824),
    "resnet50": (25_557_032, 3_857_973_248),
    "resnet101": (44_549_160, 7_570_194_432),
    "resnet152": (60_192_808, 11_282_415_616),
}


@pytest.mark.parametrize(
    ("name", "shortcut", "parameters", "total"),
    [
        ("resnet18", "A", 11_515_688, 11_523_496),
        ("resnet18", "B", 11_689_512, 11_699_112),
        ("resnet18", "C", 12_043_816, 12_055_464),
        ("resnet34", "A", 21_623_848, 21_639_080),
        ("resnet34", "B", 21_797_672, 21_814_696),
        ("resnet34", "C", 22_716_840, 22_739_624),
        ("plain18", "none", 11_515_688, 11_523_496),
        ("plain34", "none", 21_623_848, 21_639_080),
        ("resnet50", "B", 25_557_032, 25_610_152),
        ("resnet101", "B", 44_549_160, 44_654_504),
        ("resnet152", "B", 60_192_808, 60_344_232),
    ],
)
def test_parameters_of_the_paper(published, trainable, name, shortcut, parameters, total):
    model = published(name, shortcut=shortcut)
    assert (trainable(model), model.count_params()) == (parameters, total)


@pytest.mark.parametrize(("name", "shortcut"), [("resnet18", "B"), ("plain34", "none")])
def test_defaults_are_the_listed_variants(published, trainable, name, shortcut):
    assert trainable(published(name)) == trainable(published(name, shortcut=shortcut))


@pytest.mark.parametrize(("name", "factor"), [("resnet34", 1), ("resnet50", 4)])
@pytest.mark.parametrize("pool_padding", [0, 1])
def test_stage_shapes(published, stages, name, factor, pool_padding):
    expected = {
        "conv1": (112, 112, 64),
        "pool1": (56, 56, 64),
        "conv2_3_relu": (56, 56, 64 * factor),
        "conv3_4_relu": (28, 28, 128 * factor),
        "conv4_6_relu": (14, 14, 256 * factor),
        "conv5_3_relu": (7, 7, 512 * factor),
        "pool": (512 * factor,),
    }
    assert stages(published(name, pool_padding=pool_padding), expected) == expected


@pytest.mark.parametrize(("stride_on", "strides"), [("1x1", (2, 1)), ("3x3", (1, 2))])
def test_where_a_bottleneck_has_its_stride(published, stride_on, strides):
    model = published("resnet50", stride_on=stride_on)
    first, second = (model.get_layer(f"conv3_1_{part}").strides[0] for part in "ab")
    assert (first, second) == strides
    assert model.get_layer("conv3_2_a").strides == (1, 1)


def test_projections(published):
    def count(name, shortcut):
        names = [layer.name for layer in published(name, shortcut=shortcut).layers]
        return sum(name.endswith("_shortcut") for name in names)

    assert count("resnet34", "B") == 3
    assert count("resnet34", "C") == 16  # "thirteen more", as the paper says
    assert count("resnet50", "B") == 4


def _with_random_vectors(model: keras.Model, rng: np.random.Generator) -> keras.Model:
    """Gives biases, scales and statistics, which start at 0 and 1, values of their own."""
    for weight in model.weights:
        if len(weight.shape) == 1:
            weight.assign(rng.uniform(0.5, 1.0, weight.shape))
    return model


def _copy_from_keras(reference: keras.Model, model: keras.Model) -> None:
    """Copies weights layer by layer; folds what Keras has and the paper has not."""
    parts = {"0": "shortcut", "1": "a", "2": "b", "3": "c"}
    for layer in reference.layers:
        if not layer.weights:
            continue
        if layer.name == "predictions":
            model.get_layer("fc").set_weights(layer.get_weights())
            continue
        stage, *block, kind = layer.name.split("_")
        name = f"{stage}_{block[0][5:]}_{parts[block[1]]}" if block else stage
        if kind == "conv":
            model.get_layer(name).set_weights([layer.get_weights()[0]])
        else:
            gamma, beta, mean, variance = layer.get_weights()
            bias = reference.get_layer(layer.name.removesuffix("bn") + "conv").get_weights()[1]
            variance = variance + (layer.epsilon - model.get_layer(f"{name}_bn").epsilon)
            model.get_layer(f"{name}_bn").set_weights([gamma, beta, mean - bias, variance])


@pytest.mark.ci
@pytest.mark.parametrize("depth", [50, 101, 152])
def test_equals_keras_applications(depth):
    rng = np.random.default_rng(depth)
    reference = _with_random_vectors(
        getattr(keras.applications, f"ResNet{depth}")(
            weights=None, input_shape=(64, 64, 3), classes=10, classifier_activation=None
        ),
        rng,
    )
    model = build_model(
        f"resnet{depth}",
        input_shape=(64, 64, 3),
        classes=10,
        pool_padding=1,
        normalization="unit",
    )
    _copy_from_keras(reference, model)
    images = rng.integers(0, 256, (2, 64, 64, 3), dtype=np.uint8)
    expected = reference(images / np.float32(255)).numpy()
    received = model(images).numpy()
    assert expected.std() > 0
    np.testing.assert_allclose(received, expected, rtol=0, atol=1e-5 * abs(expected).max())
    assert model.count_params() < reference.count_params()  # the biases before batch norm


@pytest.mark.parametrize("name", ["resnet18", "resnet50"])
def test_starts_from_he(name):
    model = build_model(name, input_shape=(32, 32, 3), classes=10, filters=32)
    first, second = (model.get_layer(f"conv5_2_{part}").kernel.numpy() for part in "ab")
    for kernel in (first, second):
        std = np.sqrt(2 / np.prod(kernel.shape[:3]))
        assert kernel.std() == pytest.approx(std, rel=0.02)
        assert abs(kernel).max() > 3 * std  # Keras's own HeNormal is cut off at 2.3
    assert not np.array_equal(first.ravel()[:100], second.ravel()[:100])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"shortcut": "D"}, "shortcut: got 'D', should be 'A', 'B', 'C' or 'none'"),
        ({"pool_padding": 2}, "pool_padding: got 2, should be 0 or 1"),
        ({"stride_on": "1x1"}, "unknown field 'stride_on'"),
        ({"filters": -1}, "filters: got -1"),
        ({"blocks": ()}, "blocks: got"),
    ],
)
def test_options_out_of_range(published, options, message):
    with pytest.raises(UserError, match=message):
        published("resnet18", **options)


def test_images_too_small():
    with pytest.raises(UserError, match="pool1 would get a 1x1 map.*smallest input is 3x3"):
        build_model("resnet18", input_shape=(2, 2, 3), classes=10)
