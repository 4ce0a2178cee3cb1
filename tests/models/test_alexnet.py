from __future__ import annotations

import numpy as np
import pytest

from kerascnn.errors import UserError
from kerascnn.models.build import build_model

SIZES = {  # parameters and MACs, checked in test_catalog.py
    "alexnet": (60_965_224, 724_406_816),
    "alexnet-without-7": (44_183_912, 724_406_816 - 4096**2),
    "alexnet-without-6-7": (11_551_080, 675_000_864),
    "alexnet-without-3-4": (59_268_712, 437_826_080),
    "alexnet-without-3-4-6-7": (9_854_568, 388_420_128),
    "alexnet-one-tower": (61_100_840, 714_188_480),
}


@pytest.mark.parametrize(
    ("groups", "parameters"),
    [((2, 2, 2), 60_965_224), ((2, 1, 2), 61_628_776), ((1, 1, 1), 62_378_344)],
)
def test_parameters_by_groups(published, trainable, groups, parameters):
    assert trainable(published("alexnet", groups=groups)) == parameters


@pytest.mark.parametrize(
    ("name", "parameters"),
    [
        ("alexnet", 60_965_224),
        ("alexnet-without-7", 44_183_912),
        ("alexnet-without-6-7", 11_551_080),
        ("alexnet-without-3-4", 59_268_712),
        ("alexnet-without-3-4-6-7", 9_854_568),
        ("alexnet-one-tower", 61_100_840),
    ],
)
def test_parameters_of_the_papers(published, trainable, name, parameters):
    assert trainable(published(name)) == parameters


@pytest.mark.parametrize("side", [224, 227])
def test_stage_shapes(stages, side):
    expected = {
        "conv1": (55, 55, 96),
        "norm1": (55, 55, 96),
        "pool1": (27, 27, 96),
        "conv2": (27, 27, 256),
        "pool2": (13, 13, 256),
        "conv3": (13, 13, 384),
        "conv4": (13, 13, 384),
        "conv5": (13, 13, 256),
        "pool5": (6, 6, 256),
        "fc6": (4096,),
        "fc7": (4096,),
        "fc8": (1000,),
    }
    model = build_model("alexnet", input_shape=(side, side, 3), classes=1000, abstract=True)
    assert stages(model, expected) == expected


def test_neurons_of_the_paper(published):
    model = published("alexnet")
    layers = [model.get_layer(f"conv{n}") for n in range(1, 6)]
    layers += [model.get_layer(f"fc{n}") for n in (6, 7, 8)]
    assert sum(np.prod(layer.output.shape[1:]) for layer in layers) == 659_272


def test_one_tower_stage_shapes(published, stages):
    expected = {
        "conv1": (55, 55, 64),
        "pool1": (27, 27, 64),
        "conv2": (27, 27, 192),
        "pool2": (13, 13, 192),
        "conv3": (13, 13, 384),
        "conv4": (13, 13, 256),
        "conv5": (13, 13, 256),
        "pool5": (6, 6, 256),
        "fc8": (1000,),
    }
    assert stages(published("alexnet-one-tower"), expected) == expected


@pytest.mark.parametrize("name", ["alexnet", "alexnet-one-tower"])
def test_starting_weights(name):
    model = build_model(name, input_shape=(64, 64, 3), classes=5, dense=(64, 64))
    biases = {
        layer: model.get_layer(layer).bias.numpy()
        for layer in ("conv1", "conv2", "conv3", "conv4", "conv5", "fc6", "fc7", "fc8")
    }
    ones = [layer for layer, values in biases.items() if (values == 1).all()]
    assert ones == ["conv2", "conv4", "conv5", "fc6", "fc7"]
    assert all(not values.any() for layer, values in biases.items() if layer not in ones)
    assert model.get_layer("conv2").kernel.numpy().std() == pytest.approx(0.01, rel=0.01)


def test_halves_see_only_their_own_maps():
    model = build_model("alexnet", input_shape=(64, 64, 3), classes=5, dense=(4, 4))
    conv2 = model.get_layer("conv2")
    maps = np.zeros((1, 5, 5, 96), np.float32)
    before = conv2(maps).numpy()
    maps[..., :48] = 1
    changed = (conv2(maps).numpy() != before).any((0, 1, 2))
    assert changed[:128].all()
    assert not changed[128:].any()


def test_ablated_networks_run():
    model = build_model("alexnet-without-3-4-6-7", input_shape=(64, 64, 1), classes=4)
    assert model(np.zeros((2, 64, 64, 1), np.uint8)).shape == (2, 4)
    names = {layer.name for layer in model.layers}
    assert not names & {"conv3", "conv4", "fc6", "fc7"}
    assert {"conv1", "conv2", "conv5", "fc8"} <= names


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"groups": (3, 1, 1)}, "groups: got 3 for conv2, must divide its 96 input channels"),
        ({"groups": (2, 2, 0)}, "groups.2: got 0"),
        ({"without": (5,)}, "without.0: got 5, should be 3, 4, 6 or 7"),
        ({"bias": "one"}, "bias: got 'one'"),
    ],
)
def test_options_out_of_range(published, options, message):
    with pytest.raises(UserError, match=message):
        published("alexnet", **options)


@pytest.mark.parametrize(("name", "smallest"), [("alexnet", 64), ("alexnet-one-tower", 63)])
def test_images_too_small(name, smallest):
    side = smallest - 1
    with pytest.raises(UserError, match=rf"pool5 would get.*smallest input is {smallest}x"):
        build_model(name, input_shape=(side, side, 3), classes=5)
