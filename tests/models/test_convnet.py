"""The general pattern: stages of convolutions, counted by hand."""

from __future__ import annotations

import numpy as np
import pytest

from kerascnn import build_model
from kerascnn.backend import keras
from kerascnn.errors import UserError


def _build(**options):
    return build_model("convnet", input_shape=(32, 32, 3), classes=10, abstract=True, **options)


def _names(model) -> list[str]:
    return [layer.name for layer in model.layers[2:]]


def test_parameters_and_shapes(trainable, stages) -> None:
    model = _build()
    convolutions = 9 * (3 * 32 + 32 * 32 + 32 * 64 + 64 * 64) + 2 * 32 + 2 * 64
    dense = 8 * 8 * 64 * 128 + 128 + 128 * 10 + 10
    assert trainable(model) == convolutions + dense
    expected = {
        "conv1_2": (32, 32, 32),
        "pool1": (16, 16, 32),
        "conv2_2": (16, 16, 64),
        "pool2": (8, 8, 64),
        "flatten": (4096,),
        "fc1": (128,),
        "fc2": (10,),
    }
    assert stages(model, expected) == expected


def test_layers_come_in_the_order_of_the_pattern() -> None:
    options = {"stages": 1, "convolutions": 1, "activation": "elu", "dense": [], "dropout": 0.1}
    assert _names(_build(**options)) == [
        "conv1_1", "conv1_1_elu", "pool1", "drop1", "flatten", "fc1", "logits"
    ]  # fmt: skip
    options = {"stages": 1, "convolutions": 1, "batch_norm": True, "input_dropout": 0.2}
    assert _names(_build(**options)) == [
        "image_drop", "conv1_1", "conv1_1_bn", "conv1_1_relu", "pool1", "flatten",
        "fc1", "fc1_drop", "fc2", "logits",
    ]  # fmt: skip


def test_growth_is_by_stage_and_rounded(stages) -> None:
    model = _build(stages=3, filters=5, growth=1.5, convolutions=1)
    found = stages(model, dict.fromkeys(["conv1_1", "conv2_1", "conv3_1"], ()))
    assert [shape[-1] for shape in found.values()] == [5, round(7.5), round(11.25)]


def test_batch_norm_takes_the_place_of_biases(trainable) -> None:
    plain, normalized = _build(convolutions=1), _build(convolutions=1, batch_norm=True)
    assert trainable(normalized) - trainable(plain) == 32 + 64  # scale and shift for one bias
    assert not normalized.get_layer("conv1_1").use_bias
    assert plain.get_layer("conv1_1").use_bias


def test_kernel_pooling_and_dense(stages) -> None:
    model = _build(kernel=5, pooling="average", dense=[7, 6])
    assert model.get_layer("conv2_1").kernel_size == (5, 5)
    assert isinstance(model.get_layer("pool2"), keras.layers.AveragePooling2D)
    assert stages(model, {"fc1": (), "fc2": (), "fc3": ()}) == {
        "fc1": (7,), "fc2": (6,), "fc3": (10,)
    }  # fmt: skip


def test_weight_decay_is_half_the_squared_norm_of_every_kernel() -> None:
    model = build_model(
        "convnet", input_shape=(8, 8, 1), classes=3, filters=2, dense=[4], stages=1, l2=0.02
    )
    kernels = [w for w in model.trainable_weights if w.name == "kernel"]
    assert len(kernels) == 4
    expected = 0.02 / 2 * sum(np.sum(np.square(kernel)) for kernel in kernels)
    assert float(sum(model.losses)) == pytest.approx(expected, rel=1e-5)
    assert not _build().losses


@pytest.mark.parametrize(("side", "most"), [(2, 1), (7, 2), (31, 4), (32, 5)])
def test_as_many_stages_as_the_input_can_be_halved(side: int, most: int) -> None:
    shape = (side, side + 9, 1)
    build_model("convnet", input_shape=shape, classes=2, stages=most, filters=1, growth=1)
    with pytest.raises(
        UserError,
        match=rf"^pool{most + 1} would get a 1x\d+ map: use at most {most} stages for {side}x",
    ):
        build_model("convnet", input_shape=shape, classes=2, stages=most + 1, filters=1, growth=1)


@pytest.mark.parametrize("option", [{"stages": 0}, {"growth": 0.5}, {"dense_dropout": 1}])
def test_bounds(option: dict) -> None:
    with pytest.raises(UserError, match=f"^{next(iter(option))}: got "):
        _build(**option)
