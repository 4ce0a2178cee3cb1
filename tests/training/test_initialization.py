"""Starting from another network's weights, and keeping some as they are."""

from __future__ import annotations

import re

import numpy as np
import pytest

from kerascnn import tracking
from kerascnn.errors import UserError
from kerascnn.models.build import build_model
from kerascnn.recipe import load_recipe
from kerascnn.serving.archive import load_model
from kerascnn.training.fit import fit
from kerascnn.training.initialization import StartingWeights, copy_weights, freeze
from tests.assembled import prepare

SHAPE = (32, 32, 3)


def _vgg(name: str, classes: int = 10):
    return build_model(name, input_shape=SHAPE, classes=classes, filters=4, dense=(8, 8))


def _from(model) -> StartingWeights:
    return StartingWeights.of(model, "the source")


def test_vgg_deeper_nets_start_from_the_layers_of_a() -> None:
    a, d = _vgg("vgg11"), _vgg("vgg16")
    before = {layer.name: layer.get_weights() for layer in d.layers if layer.weights}
    taken = copy_weights(d, _from(a), ["conv1_1", "conv2_1", "conv3_1", "conv3_2", "fc*"])
    assert taken.taken == ("conv1_1", "conv2_1", "conv3_1", "conv3_2", "fc6", "fc7", "fc8")
    assert taken.left["conv1_2"] == taken.left["conv4_1"] == "not asked for"
    for layer in d.layers:
        if layer.weights:
            source = a.get_layer(layer.name).get_weights() if layer.name in taken.taken else None
            for got, wanted in zip(layer.get_weights(), source or before[layer.name], strict=True):
                np.testing.assert_array_equal(got, wanted)


def test_other_classes_take_all_but_the_last_layer() -> None:
    taken = copy_weights(_vgg("vgg11", classes=3), _from(_vgg("vgg11")))
    assert str(taken) == (
        "the weights of 10 of 11 layers; new: fc8 (8x3 and 3 here, 8x10 and 10 there)"
    )
    assert set(taken.left) == {"fc8"}


def test_images_of_another_size_take_what_is_before_the_fully_connected_layers() -> None:
    larger = build_model("vgg11", input_shape=(64, 64, 3), classes=10, filters=4, dense=(8, 8))
    taken = copy_weights(larger, _from(_vgg("vgg11")))
    assert set(taken.left) == {"fc6"}


@pytest.mark.parametrize(
    ("network", "source", "message"),
    [
        ("vgg13", "vgg11", "conv1_2 has 3x3x4x4 and 4 here, no such layer there; training.init"),
        ("vgg11", "vgg13", "vgg11, which has no conv1_2 \\(3x3x4x4 and 4 there\\); training.init"),
    ],
)
def test_another_network_is_told_by_the_first_layer_that_does_not_fit(
    network: str, source: str, message: str
) -> None:
    model = _vgg(network)
    before = model.get_weights()
    with pytest.raises(UserError, match=f"^training.initialize: the source is of .*{message}"):
        copy_weights(model, _from(_vgg(source)))
    for one, two in zip(model.get_weights(), before, strict=True):
        np.testing.assert_array_equal(one, two)


def test_filters_of_another_number() -> None:
    wide = build_model("vgg11", input_shape=SHAPE, classes=10, filters=5, dense=(8, 8))
    with pytest.raises(UserError, match="conv1_1 has 3x3x3x5 and 5 here, 3x3x3x4 and 4 there"):
        copy_weights(wide, _from(_vgg("vgg11")))


def test_nothing_in_common_is_an_error() -> None:
    linear, mlp = (build_model(name, input_shape=SHAPE, classes=10) for name in ("linear", "mlp"))
    with pytest.raises(UserError, match=r"^training.initialize: no layer of mlp has the name"):
        copy_weights(mlp, _from(linear))


def test_an_unknown_layer_names_the_closest() -> None:
    with pytest.raises(UserError, match=r"training.initialize_layers 'conv9_1': did you mean conv"):
        copy_weights(_vgg("vgg11"), _from(_vgg("vgg11")), ["conv9_1"])
    with pytest.raises(UserError, match=r"in training.freeze 'fc9': did you mean fc\d or fc\d"):
        freeze(_vgg("vgg11"), ["conv*", "fc9"])
    with pytest.raises(UserError, match=r"^training.freeze: \* leaves nothing to train$"):
        freeze(_vgg("vgg11"), ["*"])


def test_frozen_layers_keep_their_weights_and_statistics() -> None:
    model = "model={name: convnet, filters: 4, dense: [16], batch_norm: true}"
    settings = [model, "training.epochs=1", "training.freeze=[conv1*, bn1*, norm1*]"]
    plain = load_recipe("digits-quick", settings[:2])
    data, network = prepare(plain)
    names = [layer.name for layer in network.layers if layer.weights][:2]
    recipe = load_recipe("digits-quick", [*settings[:2], f"training.freeze={list(names)}"])
    data, network = prepare(recipe)
    before = {layer.name: layer.get_weights() for layer in network.layers if layer.weights}
    fit(network, data, recipe)
    for layer in network.layers:
        if layer.weights:
            same = all(
                np.array_equal(a, b)
                for a, b in zip(before[layer.name], layer.get_weights(), strict=True)
            )
            assert same == (layer.name in names), layer.name


@pytest.mark.ci
def test_fine_tuning_from_a_run(workplace, kerascnn) -> None:
    done = kerascnn("train", "--recipe", "digits-quick", "--epochs", "3", "--name", "first")
    assert done.code == 0, done.err
    done = kerascnn(
        "train", "lenet5", "digits", "--epochs", "1", "--init", "first",
        "--freeze", "c1", "--freeze", "c3", "--name", "tuned",
        "--set", "optimizer.learning_rate=0.0001",
    )  # fmt: skip
    assert done.code == 0, done.err
    assert "initialized from first: the weights of 5 of 5 layers\n" in done.out
    assert "frozen: c1, c3; 59,134 parameters train\n" in done.out
    first = load_model(tracking.load_run("first").artifact("model.keras")).model
    tuned = load_model(tracking.load_run("tuned").artifact("model.keras")).model
    np.testing.assert_array_equal(
        first.get_layer("c3").get_weights()[0], tuned.get_layer("c3").get_weights()[0]
    )
    assert not np.array_equal(
        first.get_layer("f6").get_weights()[0], tuned.get_layer("f6").get_weights()[0]
    )
    accuracy = re.search(r"epoch 1/1 .*validation loss [\d.]+  accuracy +([\d.]+)%", done.out)
    assert accuracy
    assert float(accuracy[1]) > 85  # where three epochs had left it
    assert kerascnn("train", "mlp", "digits", "--init", "first").code == 2
    done = kerascnn("train", "lenet5", "digits", "--init", "frist")
    assert "unknown run 'frist': did you mean first" in done.err
