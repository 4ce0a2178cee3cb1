"""Quick networks do what Keras's own layers do, and become those again."""

from __future__ import annotations

import collections
import json
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from kerascnn.backend import keras, tf
from kerascnn.kernels import table
from kerascnn.kernels.table import KERNELS, plain, quicken
from kerascnn.models.build import build_model
from kerascnn.recipe import load_recipe
from kerascnn.serving.archive import SavedModel, load_model, save_model
from kerascnn.training.computation import Computation

BN, CONV, ACTIVATION = "FusedBatchNormalization", "GroupedConv2D", "CompiledActivation"
SMALL = "ProductGradientConv2D"

# network -> (images, options that make it small, its layers of fast classes on the processor)
NETWORKS: dict[str, tuple[tuple[int, int, int], dict[str, Any], dict[str, int]]] = {
    "cifar-resnet20": ((16, 16, 3), {"filters": 4, "n": 1}, {BN: 7, ACTIVATION: 7, SMALL: 1}),
    "airbench": ((16, 16, 3), {"filters": [8, 8, 8]}, {BN: 6, ACTIVATION: 7, SMALL: 3}),
    "alexnet": ((67, 67, 3), {"dense": [8, 8], "dropout": 0}, {CONV: 3, SMALL: 1}),
    "convnet": (
        (12, 12, 1),
        {"filters": 4, "dense": [8], "dense_dropout": 0, "batch_norm": True, "activation": "gelu"},
        {BN: 4, ACTIVATION: 4},
    ),
}
each_network = pytest.mark.parametrize("name", NETWORKS)


def _build(name: str) -> keras.Model:
    shape, options, _ = NETWORKS[name]
    keras.utils.set_random_seed(3)
    return build_model(name, input_shape=shape, classes=3, **options)


def _ours(model: keras.Model) -> dict[str, int]:
    """How many layers there are of each fast class."""
    fast = {kernel.fast for kernel in KERNELS}
    return dict(
        collections.Counter(type(layer).__name__ for layer in model.layers if type(layer) in fast)
    )


def _step(model: keras.Model) -> dict[str, np.ndarray]:
    """Logits in training, the gradient of every weight, moving averages, and logits afterwards."""
    images = np.random.default_rng(0).integers(0, 256, (4, *model.input_shape[1:]), np.uint8)
    with tf.GradientTape() as tape:
        logits = model(images, training=True)
        loss = tf.reduce_sum(keras.ops.softmax(logits) * [1.0, -2.0, 0.5])
    gradients = tape.gradient(loss, [weight.value for weight in model.trainable_weights])
    found = {"logits": logits, "logits afterwards": model(images, training=False)}
    for weight, gradient in zip(model.trainable_weights, gradients, strict=True):
        found[f"gradient of {weight.path}"] = gradient
    found |= {weight.path: weight for weight in model.non_trainable_weights}
    return {key: np.array(value) for key, value in found.items()}


@each_network
def test_a_quick_network_computes_what_the_plain_one_does(name: str) -> None:
    model, fast = _build(name), NETWORKS[name][2]
    weights = model.get_weights()
    expected = _step(model)
    model.set_weights(weights)
    assert quicken(model, "cpu") is model
    assert _ours(model) == fast
    found = _step(model)
    assert found.keys() == expected.keys()
    for key, value in expected.items():
        assert value.any(), f"{key} is zero and shows nothing"
        size = max(1.0, np.abs(value).max())
        np.testing.assert_allclose(found[key], value, rtol=0, atol=1e-4 * size, err_msg=key)


@each_network
def test_plain_gives_kerass_own_classes_back(name: str) -> None:
    model = _build(name)
    classes = [type(layer) for layer in model.layers]
    weights = [weight.path for weight in model.weights]
    quicken(model, "cpu")
    assert [type(layer) for layer in model.layers] != classes
    assert plain(model) is model
    assert [type(layer) for layer in model.layers] == classes
    assert [weight.path for weight in model.weights] == weights
    assert plain(model) is model, "a plain one stays as it is"


@each_network
def test_on_a_gpu_activations_and_small_maps_are_left_alone(name: str) -> None:
    fast = NETWORKS[name][2]
    expected = {kind: n for kind, n in fast.items() if kind not in (ACTIVATION, SMALL)}
    assert _ours(quicken(_build(name), "gpu:0")) == expected


@each_network
def test_a_saved_file_names_no_fast_class(name: str, tmp_path: Path) -> None:
    model = quicken(_build(name), "cpu")
    saved = SavedModel(model, ("a", "b", "c"), load_recipe("digits-quick"))
    save_model(saved, tmp_path / "m.keras")
    with zipfile.ZipFile(tmp_path / "m.keras") as archive:
        config = archive.read("config.json").decode()
    layers = json.loads(config)["config"]["layers"]
    ours = {layer["class_name"] for layer in layers if layer["module"].startswith("kerascnn")}
    assert ours == {"airbench": {"Whitening"}, "alexnet": {"LRN"}}.get(name, set())
    if not ours:
        assert "kerascnn" not in config
        alone = keras.saving.load_model(tmp_path / "m.keras", compile=False)
        images = np.zeros((2, *model.input_shape[1:]), np.uint8)
        np.testing.assert_array_equal(alone(images), load_model(tmp_path / "m.keras").model(images))


def test_small_maps_in_bfloat16_where_there_are_units_for_it(monkeypatch) -> None:
    with Computation("mixed_bfloat16", "").scope():
        model = _build("convnet")
    for units, device, expected in ((True, "cpu", 4), (True, "gpu:0", 0), (False, "cpu", 0)):
        monkeypatch.setattr(table, "processor_has_bfloat16_units", lambda units=units: units)
        assert _ours(quicken(model, device)).get("SmallMapConv2D", 0) == expected
        plain(model)
    monkeypatch.setattr(table, "processor_has_bfloat16_units", lambda: True)
    assert "SmallMapConv2D" not in _ours(quicken(_build("convnet"), "cpu")), "float32"


def test_only_relu_and_gelu_are_compiled_and_subclasses_are_left_alone() -> None:
    class Own(keras.layers.Activation):
        pass

    x = images = keras.Input((4,))
    for layer in (*map(keras.layers.Activation, ("relu", "gelu", "tanh", "silu")), Own("relu")):
        x = layer(x)
    model = quicken(keras.Model(images, x), "cpu")
    kinds = [type(layer).__name__ for layer in model.layers[1:]]
    assert kinds == [ACTIVATION, ACTIVATION, "Activation", "Activation", "Own"]


@pytest.mark.parametrize("kernel", KERNELS, ids=lambda kernel: kernel.fast.__name__)
def test_a_fast_layer_is_a_subclass_that_adds_no_state(kernel) -> None:
    assert issubclass(kernel.fast, kernel.plain)
    for method in ("__init__", "build", "get_config"):
        assert getattr(kernel.fast, method) is getattr(kernel.plain, method)
