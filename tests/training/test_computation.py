"""How a network is computed: what is chosen, and that nothing of it reaches the next run."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from kerascnn.arithmetic import analyze
from kerascnn.backend import keras
from kerascnn.hardware import (
    processor_has_bfloat16_instructions,
    processor_has_bfloat16_units,
)
from kerascnn.models.build import build_model
from kerascnn.recipe import load_recipe
from kerascnn.training.computation import Computation, choose_by_rule, width
from kerascnn.training.device import Device
from kerascnn.training.fit import fit
from kerascnn.training.spec import TrainSpec
from tests.assembled import prepare

AMX = Device("cpu", "for a test", bfloat16_units=True, explicit=False)
PLAIN = replace(AMX, bfloat16_units=False)
GPU = replace(AMX, name="gpu:0")


def _analysis(name: str, **options):
    return analyze(build_model(name, input_shape=(32, 32, 3), classes=10, abstract=True, **options))


@pytest.mark.parametrize(
    ("name", "options", "channels"),
    [
        ("lenet5", {}, 6),  # on three channels; 16 on one
        ("cifar-resnet20", {}, 32),
        ("cifar-resnet20", {"filters": 64}, 128),
        ("stochastic-pooling", {}, 64),
        ("mlp", {"hidden": (300,)}, 300),
    ],
)
def test_width_is_the_channels_of_half_the_work(name, options, channels) -> None:
    assert width(_analysis(name, **options)) == channels


@pytest.mark.parametrize(
    ("network", "device", "says"),
    [
        ("lenet5", AMX, "float32 (6 channels are too few to gain from bfloat16)"),
        ("lenet5", GPU, "float32 (6 channels are too few to gain from bfloat16)"),
        (
            "cifar-resnet20",
            GPU,
            "mixed bfloat16 (32 channels gain from the GPU's matrix units for it)",
        ),
        (
            "dropout-convnet",
            AMX,
            "mixed bfloat16 (128 channels gain from the processor's matrix units for it)",
        ),
        (
            "dropout-convnet",
            GPU,
            "mixed bfloat16 (128 channels gain from the GPU's matrix units for it)",
        ),
        ("dropout-convnet", PLAIN, "float32 (the processor has no bfloat16 matrix units)"),
    ],
)
def test_auto_takes_bfloat16_where_it_gains_and_says_why(network, device, says) -> None:
    assert str(choose_by_rule(TrainSpec(), _analysis(network), device)) == says


def test_what_is_asked_for_is_taken() -> None:
    spec = TrainSpec(precision="mixed_bfloat16")
    analysis = _analysis("lenet5")
    assert str(choose_by_rule(spec, analysis, AMX)) == "mixed bfloat16 (as asked)"
    slow = "as asked" if processor_has_bfloat16_instructions() else "as asked; slow, as the "
    assert choose_by_rule(spec, analysis, PLAIN).reason.startswith(slow)
    old = replace(GPU, bfloat16_units=False)
    slow = "mixed bfloat16 (as asked; slow, as the GPU has no units for it)"
    assert str(choose_by_rule(spec, analysis, old)) == slow
    spec = TrainSpec(precision="float32")
    assert choose_by_rule(spec, _analysis("dropout-convnet"), AMX).policy == "float32"


def test_the_policy_ends_with_its_scope_also_after_an_error() -> None:
    with Computation("mixed_bfloat16", "").scope():
        assert keras.config.dtype_policy().name == "mixed_bfloat16"
    with pytest.raises(RuntimeError), Computation("mixed_bfloat16", "").scope():
        raise RuntimeError
    assert keras.config.dtype_policy().name == "float32"


def test_a_run_in_bfloat16_keeps_logits_and_weights_in_float32_and_does_not_leak(capsys) -> None:
    settings = ["model={name: convnet, filters: 4, dense: [32]}", "training.epochs=1"]
    recipe = load_recipe("digits-quick", [*settings, "training.precision=mixed_bfloat16"])
    data, model = prepare(recipe)
    computed = {layer.compute_dtype for layer in model.layers if layer.weights}
    assert computed == {"bfloat16"}
    assert {weight.dtype for weight in model.trainable_weights} == {"float32"}
    assert model.output.dtype == "float32"
    losses = fit(model, data, recipe).history["val_loss"]
    assert np.isfinite(losses).all()
    assert losses[0] < 2.2  # ln 10 is 2.3
    _, after = prepare(load_recipe("digits-quick", settings))
    assert {layer.compute_dtype for layer in after.layers if layer.weights} == {"float32"}


@pytest.mark.skipif(not processor_has_bfloat16_units(), reason="needs a CPU with AMX")
def test_a_wide_network_trains_faster_in_what_auto_takes() -> None:
    import time

    seconds: dict[str, list[float]] = {}
    images = np.zeros((32, 32, 32, 3), np.uint8)
    labels = np.zeros(32, np.int64)
    steps = {}
    for policy in ("float32", "mixed_bfloat16"):
        with Computation(policy, "").scope():
            model = build_model("convnet", input_shape=(32, 32, 3), classes=10, filters=96)
        model.compile("sgd", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
        model.train_on_batch(images, labels)
        steps[policy], seconds[policy] = model, []
    for _ in range(3):  # side by side: the machine may be busy
        for policy, model in steps.items():
            start = time.perf_counter()
            model.train_on_batch(images, labels)
            seconds[policy].append(time.perf_counter() - start)
    assert min(seconds["mixed_bfloat16"]) < min(seconds["float32"])
