"""The walk over built models: rows, folding, branches, totals, and the fact sheet's fields."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from kerascnn.arithmetic import Analysis, analyze
from kerascnn.backend import keras
from kerascnn.models.abstract import without_weights
from kerascnn.models.summary import summarize

# (receptive field, jump) by hand, from the definitions in the papers.
FIELDS = {
    "lenet5": {"c1": (5, 1), "s2": (6, 2), "c3": (14, 2), "s4": (16, 4), "c5": (32, 4)},
    "lenet5-1998": {"c1": (5, 1), "s2": (6, 2), "c3": (14, 2), "s4": (16, 4), "c5": (32, 4)},
    "alexnet": {
        "conv1": (11, 4),
        "pool1": (19, 8),
        "conv2": (51, 8),
        "pool2": (67, 16),
        "conv3": (99, 16),
        "conv4": (131, 16),
        "conv5": (163, 16),
        "pool5": (195, 32),
    },
    "zfnet": {
        "conv1": (7, 2),
        "pool1": (11, 4),
        "conv2": (27, 8),
        "pool2": (43, 16),
        "conv3": (75, 16),
        "conv4": (107, 16),
        "conv5": (139, 16),
        "pool5": (171, 32),
    },
    "vgg16": {
        "conv1_2": (5, 1),
        "pool1": (6, 2),
        "conv2_2": (14, 2),
        "pool2": (16, 4),
        "conv3_3": (40, 4),
        "pool3": (44, 8),
        "conv4_3": (92, 8),
        "pool4": (100, 16),
        "conv5_3": (196, 16),
        "pool5": (212, 32),
    },
    "googlenet": {"inception_5b": (715, 32)},
    "resnet34": {"conv5_3_add": (899, 32)},
    "resnet50": {"conv5_3_add": (483, 32)},
    "cifar-resnet20": {"conv4_3_add": (81, 4)},
    "cifar-resnet32": {"conv4_5_add": (137, 4)},
    "cifar-resnet44": {"conv4_7_add": (193, 4)},
    "cifar-resnet56": {"conv4_9_add": (249, 4)},
    "cifar-resnet110": {"conv4_18_add": (501, 4)},
}


@pytest.mark.parametrize("name", FIELDS)
def test_receptive_fields(name: str) -> None:
    analysis = summarize(name)
    for layer, expected in FIELDS[name].items():
        for field in analysis[layer].fields:
            assert (field.size, field.jump) == expected, layer


def test_the_receptive_field_depends_on_where_the_stride_is() -> None:
    analysis = summarize("resnet50", stride_on="3x3")
    assert analysis.macs == 4_089_184_256
    assert analysis["conv5_3_add"].fields[0].size == 427


# Section 7.2 of the notes on VGG: output, activations, weights, MACs.
VGG16 = {
    "images": ((224, 224, 3), 150_528, 0, 0),
    "conv1_1": ((224, 224, 64), 3_211_264, 1_728, 86_704_128),
    "conv1_2": ((224, 224, 64), 3_211_264, 36_864, 1_849_688_064),
    "pool1": ((112, 112, 64), 802_816, 0, 0),
    "conv2_1": ((112, 112, 128), 1_605_632, 73_728, 924_844_032),
    "conv2_2": ((112, 112, 128), 1_605_632, 147_456, 1_849_688_064),
    "pool2": ((56, 56, 128), 401_408, 0, 0),
    "conv3_1": ((56, 56, 256), 802_816, 294_912, 924_844_032),
    "conv3_2": ((56, 56, 256), 802_816, 589_824, 1_849_688_064),
    "conv3_3": ((56, 56, 256), 802_816, 589_824, 1_849_688_064),
    "pool3": ((28, 28, 256), 200_704, 0, 0),
    "conv4_1": ((28, 28, 512), 401_408, 1_179_648, 924_844_032),
    "conv4_2": ((28, 28, 512), 401_408, 2_359_296, 1_849_688_064),
    "conv4_3": ((28, 28, 512), 401_408, 2_359_296, 1_849_688_064),
    "pool4": ((14, 14, 512), 100_352, 0, 0),
    "conv5_1": ((14, 14, 512), 100_352, 2_359_296, 462_422_016),
    "conv5_2": ((14, 14, 512), 100_352, 2_359_296, 462_422_016),
    "conv5_3": ((14, 14, 512), 100_352, 2_359_296, 462_422_016),
    "pool5": ((7, 7, 512), 25_088, 0, 0),
    "fc6": ((4096,), 4_096, 102_760_448, 102_760_448),
    "fc7": ((4096,), 4_096, 16_777_216, 16_777_216),
    "fc8": ((1000,), 1_000, 4_096_000, 4_096_000),
}


def test_vgg16_is_the_lectures_table_row_by_row() -> None:
    analysis = summarize("vgg16")
    rows = {
        row.name: (row.output_shape, row.activations, row.weights, row.macs)
        for row in analysis.rows
    }
    assert rows == VGG16
    assert list(rows) == list(VGG16)
    assert analysis.activations == 15_237_608
    assert analysis.activation_bytes() == 60_950_432
    assert analysis.inference_bytes() == 2 * 3_211_264 * 4  # conv1_1 and conv1_2
    assert analysis.training_bytes(32) == 2 * 32 * 60_950_432 + 3 * 138_357_544 * 4
    assert analysis.parameters == 138_344_128 + 13_416
    assert analysis.fully_connected_share == pytest.approx(123_642_856 / 138_357_544)


def test_alexnet_is_the_lectures_column_with_a_dense_conv4() -> None:
    analysis = summarize("alexnet", groups=(2, 1, 2))
    assert analysis.parameters == 61_628_776
    assert analysis.macs == 836_547_104
    column = {name: (analysis[name].weights, analysis[name].macs) for name in ("conv2", "conv4")}
    assert column == {"conv2": (307_200, 223_948_800), "conv4": (1_327_104, 224_280_576)}


def test_lenet_of_1998() -> None:
    analysis = summarize("lenet5-1998")
    macs = {row.name: row.macs for row in analysis.rows if row.macs}
    assert macs == {
        "c1": 117_600,
        "s2": 1_176,
        "c3": 150_000,
        "s4": 400,
        "c5": 48_000,
        "f6": 10_080,
        "output": 840,
    }
    assert analysis["output"].statistics == 840  # the fixed codes


def test_auxiliary_heads_cost_parameters_and_training_alone() -> None:
    both, plain = summarize("googlenet"), summarize("googlenet", auxiliary=False)
    assert both.parameters == 13_378_280
    assert plain.parameters == 6_998_552
    assert both.macs == plain.macs
    assert both.inference_bytes(8) == plain.inference_bytes(8)
    assert both.training_bytes(8) > plain.training_bytes(8)
    assert {row.name for row in both.rows} - {row.name for row in plain.rows} == {
        row.name for row in both.rows if row.auxiliary
    }


def _analyze(
    make: Callable[[keras.KerasTensor], keras.KerasTensor], shape: tuple[int, ...] = (8, 8, 3)
) -> Analysis:
    def build() -> keras.Model:
        images = keras.Input(shape, name="images")
        return keras.Model(images, make(images))

    return analyze(without_weights(build))


def test_pointwise_layers_fold_into_the_row_before_them() -> None:
    def make(x: keras.KerasTensor) -> keras.KerasTensor:
        layers = keras.layers
        x = layers.ZeroPadding2D(1)(x)
        x = layers.Conv2D(4, 3, use_bias=False, name="conv")(x)
        x = layers.Dropout(0.5)(layers.ReLU()(layers.BatchNormalization()(x)))
        return layers.Dense(2, activation="softmax", name="fc")(layers.Flatten()(x))

    analysis = _analyze(make)
    assert [row.name for row in analysis.rows] == ["images", "conv", "fc"]
    conv = analysis["conv"]
    assert conv.folded == ("bn", "relu", "dropout")
    assert (conv.weights, conv.biases, conv.statistics) == (108, 8, 8)
    assert conv.fields[0].start == 0.5  # the padding was counted
    assert analysis["fc"].folded == ("softmax",)
    assert analysis["fc"].fields[0].size == 3 + 7


def test_separable_dilated_and_rectangular_windows() -> None:
    def make(x: keras.KerasTensor) -> keras.KerasTensor:
        x = keras.layers.SeparableConv2D(10, 3, depth_multiplier=2, name="separable")(x)
        return keras.layers.Conv2D(5, (1, 3), dilation_rate=2, padding="same", name="wide")(x)

    analysis = _analyze(make)
    separable, wide = analysis["separable"], analysis["wide"]
    assert separable.weights == 9 * 3 * 2 + 6 * 10
    assert separable.macs == separable.weights * 36
    assert wide.window == "1x3"
    assert [field.size for field in wide.fields] == [3, 7]


def test_branches_keep_the_larger_field_and_free_maps_after_their_last_use() -> None:
    def make(x: keras.KerasTensor) -> keras.KerasTensor:
        layers = keras.layers
        narrow = layers.Conv2D(2, 1, name="narrow")(x)
        wide = layers.Conv2D(2, 5, padding="same", name="wide")(x)
        return layers.Concatenate(name="both")([narrow, wide])

    analysis = _analyze(make)
    both = analysis["both"]
    assert both.kind == "concat"
    assert both.inputs == ("narrow", "wide")
    assert both.fields[0].size == 5
    # images (3), narrow (2) and wide (2) exist together; then narrow, wide and both (4).
    assert analysis.inference_bytes() == 8 * 8 * (2 + 2 + 4) * 4


def test_a_shared_layer_is_counted_once_and_computed_twice() -> None:
    shared = keras.layers.Dense(3, use_bias=False, name="shared")
    analysis = _analyze(lambda x: shared(shared(x)), (3,))
    assert analysis.parameters == 9
    assert analysis.macs == 18
    assert len(analysis.rows) == 3
