from __future__ import annotations

import keras
import numpy as np
import pytest

from kerascnn.errors import UserError
from kerascnn.models.build import build_model

SIZES = {  # parameters and MACs, checked in test_catalog.py
    "prelu-net-a": (178_032_072, 19_058_106_368),
    "prelu-net-b": (183_343_048, 23_219_904_512),
    "prelu-net-c": (330_623_944, 53_463_130_112),
}


@pytest.mark.parametrize(
    ("name", "relu", "prelu"),
    [
        ("prelu-net-a", 178_017_384, 178_032_072),
        ("prelu-net-b", 183_327_080, 183_343_048),
        ("prelu-net-c", 330_603_368, 330_623_944),
    ],
)
def test_parameters_of_the_paper(published, trainable, name, relu, prelu):
    assert trainable(published(name, rectifier="relu")) == relu
    assert trainable(published(name)) == prelu
    layers = sum(layer.name.endswith("_prelu") for layer in published(name).layers)
    assert trainable(published(name, rectifier="shared-prelu")) == relu + layers


@pytest.mark.parametrize(("name", "layers"), [("a", 19), ("b", 22), ("c", 22)])
def test_weight_layers(published, name, layers):
    model = published(f"prelu-net-{name}")
    assert sum(hasattr(layer, "kernel") for layer in model.layers) == layers


def test_stage_shapes(published, stages):
    expected = {
        "conv1": (112, 112, 96),
        "pool1": (56, 56, 96),
        "conv2_5": (56, 56, 256),
        "conv3_5": (28, 28, 512),
        "conv4_5": (14, 14, 512),
        "spp": (32_256,),
        "fc6": (4096,),
        "fc7": (4096,),
        "fc8": (1000,),
    }
    assert stages(published("prelu-net-a"), expected) == expected


def _small(**options):
    return build_model("prelu-net-a", input_shape=(32, 32, 3), classes=5, dense=(16, 16), **options)


def test_slopes_start_at_a_quarter():
    slopes = {
        layer.name: layer.get_weights()[0]
        for layer in _small().layers
        if isinstance(layer, keras.layers.PReLU)
    }
    assert all((values == 0.25).all() for values in slopes.values())
    assert slopes["conv1_prelu"].shape == (1, 1, 96)
    assert slopes["fc6_prelu"].shape == (16,)
    assert _small(rectifier="shared-prelu").get_layer("conv1_prelu").alpha.shape == (1, 1, 1)


@pytest.mark.parametrize(("rectifier", "gain"), [("relu", 2), ("prelu", 2 / 1.0625)])
def test_starting_weights_allow_for_the_slope(rectifier, gain):
    kernel = _small(rectifier=rectifier).get_layer("conv4_5").kernel.numpy()
    assert kernel.std() == pytest.approx(np.sqrt(gain / (9 * 512)), rel=0.005)


def test_images_too_small():
    with pytest.raises(UserError, match="pool3 would get a 1x1 map.*smallest input is 15x15"):
        build_model("prelu-net-a", input_shape=(14, 14, 3), classes=5)


def test_unknown_rectifier(published):
    with pytest.raises(UserError, match="rectifier: got 'elu', should be 'relu', 'prelu' or"):
        published("prelu-net-a", rectifier="elu")
