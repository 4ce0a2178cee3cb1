"""Weights, activations and gradients, against NumPy and known numbers."""

from __future__ import annotations

import numpy as np
import pytest

from kerascnn.backend import keras
from kerascnn.inspection.health import batch_for_gradients, gradient_sizes, health
from kerascnn.models.build import build_model


def _mlp(activation: str, *hidden: int) -> keras.Model:
    keras.utils.set_random_seed(1)
    return build_model(
        "mlp", input_shape=(4, 4, 1), classes=3, hidden=hidden, activation=activation
    )


def _forward(model: keras.Model, images: np.ndarray, act) -> list[np.ndarray]:
    """Activations of every layer in float64, the pixels first."""
    values = [(images.reshape(len(images), -1) - 127.5) / 64]
    layers = [layer for layer in model.layers if layer.name.startswith("fc")]
    for layer in layers:
        kernel, bias = (weight.astype("float64") for weight in layer.get_weights())
        product = values[-1] @ kernel + bias
        values.append(product if layer is layers[-1] else act(product))
    return values


def test_histograms_and_dead_units_are_those_of_all_images(noise_images) -> None:
    model, images = _mlp("relu", 12, 8), noise_images(70, 4, 4, 1)
    kernel, bias = model.get_layer("fc1").get_weights()
    bias[[2, 5, 7]] = -1000  # never above zero
    model.get_layer("fc1").set_weights([kernel, bias])
    found = health(model, lambda: iter([images[:32], images[32:64], images[64:]]))
    _, *values = _forward(model, images, lambda x: np.maximum(x, 0))
    assert [layer.name for layer in found] == ["fc1", "fc2", "fc3"]
    for layer, expected in zip(found, values, strict=True):
        kernel = model.get_layer(layer.name).get_weights()[0]
        assert layer.norm == pytest.approx(np.sqrt((kernel**2).sum()), rel=1e-5)
        assert layer.weights.counts.sum() == kernel.size
        assert layer.activations.counts.sum() == expected.size
        assert layer.activations.edges[0] == pytest.approx(expected.min(), abs=1e-4)
        assert layer.activations.edges[-1] == pytest.approx(expected.max(), abs=1e-4)
        counts, _ = np.histogram(expected, layer.activations.edges)
        moved = np.abs(counts - layer.activations.counts).sum()
        assert moved <= 0.02 * expected.size, "but for rounding at the edges of the bins"
        dead = (expected == 0).all(axis=0)
        assert layer.units == len(dead)
        assert layer.dead == pytest.approx(dead.mean())
        assert layer.saturated is None
    assert found[0].dead >= 3 / 12


@pytest.mark.parametrize(
    ("activation", "function", "low", "high"),
    [("tanh", np.tanh, -0.98, 0.98), ("sigmoid", lambda x: 1 / (1 + np.exp(-x)), 0.01, 0.99)],
)
def test_saturated_values(activation, function, low, high, noise_images) -> None:
    model, images = _mlp(activation, 30), noise_images(50, 4, 4, 1)
    kernel, bias = model.get_layer("fc1").get_weights()
    model.get_layer("fc1").set_weights([4 * kernel, bias])
    hidden, logits = health(model, lambda: [images])
    values = _forward(model, images, function)[1]
    expected = ((values < low) | (values > high)).mean()
    assert 0.05 < expected < 0.95
    assert hidden.saturated == pytest.approx(expected, abs=0.003)
    assert logits.saturated is None


def test_units_of_maps_are_channels_behind_norm_and_activation(noise_images) -> None:
    model = build_model(
        "convnet", input_shape=(8, 8, 1), classes=3, filters=4, stages=1, batch_norm=True
    )
    gamma, _, *rest = model.get_layer("conv1_1_bn").get_weights()
    model.get_layer("conv1_1_bn").set_weights([gamma, np.array([-99.0, 0, 0, -99]), *rest])
    found = {layer.name: layer for layer in health(model, lambda: [noise_images(9, 8, 8, 1)])}
    assert (found["conv1_1"].units, found["conv1_1"].dead) == (4, 0.5)
    assert found["conv1_1"].activations.counts.sum() == 9 * 8 * 8 * 4
    assert found["conv1_1"].activations.edges[0] == 0


def test_gradients_are_those_of_backpropagation_by_hand(noise_images) -> None:
    model, images = _mlp("tanh", 10, 7), noise_images(20, 4, 4, 1)
    labels = np.arange(20) % 3
    before = model.get_weights()
    found = gradient_sizes(model, images, labels)
    values = _forward(model, images, np.tanh)
    shares = np.exp(values[-1] - values[-1].max(axis=1, keepdims=True))
    error = shares / shares.sum(axis=1, keepdims=True) - np.eye(3)[labels]
    at_activations, at_weights = [], []
    for number in (3, 2, 1):
        at_activations.append(np.sqrt((error**2).mean()))
        if number < 3:
            error = error * (1 - values[number] ** 2)
        at_weights.append(np.sqrt(((values[number - 1].T @ error / 20) ** 2).mean()))
        error = error @ model.get_layer(f"fc{number}").get_weights()[0].T
    assert found.names == ("fc1", "fc2", "fc3")
    np.testing.assert_allclose(found.activations, at_activations[::-1], rtol=1e-4)
    np.testing.assert_allclose(found.weights, at_weights[::-1], rtol=1e-4)
    for left, right in zip(model.get_weights(), before, strict=True):
        np.testing.assert_array_equal(left, right)


def test_batch_norm_takes_the_batch_and_keeps_its_statistics(noise_images) -> None:
    model = build_model("cifar-plain20", input_shape=(8, 8, 1), classes=3, n=1, filters=4)
    before = model.get_weights()
    images, labels = noise_images(16, 8, 8, 1), np.arange(16) % 3
    found = gradient_sizes(model, images, labels)
    brighter = gradient_sizes(model, images // 2 + 64, labels)
    # What comes out of batch norm does not depend on the scale of what goes in.
    np.testing.assert_allclose(found.activations, brighter.activations, rtol=0.05)
    for left, right in zip(model.get_weights(), before, strict=True):
        np.testing.assert_array_equal(left, right)


def test_frozen_layers_have_gradients_too(noise_images) -> None:
    model, images = _mlp("relu", 10), noise_images(8, 4, 4, 1)
    free = gradient_sizes(model, images, np.arange(8) % 3)
    model.get_layer("fc1").trainable = False
    np.testing.assert_allclose(
        gradient_sizes(model, images, np.arange(8) % 3).weights, free.weights, rtol=1e-5
    )


def test_the_sigmoid_lets_the_gradient_vanish_and_relu_keeps_it(noise_images) -> None:
    images, labels = noise_images(16, 4, 4, 1), np.arange(16) % 3
    left = {
        activation: sizes.activations[0] / sizes.activations[-2]
        for activation in ("sigmoid", "relu")
        for sizes in [gradient_sizes(_mlp(activation, *[30] * 8), images, labels)]
    }
    assert left["sigmoid"] < 0.25**7, "the sigmoid's slope is a quarter at most, in 7 layers"
    assert left["relu"] > 1000 * left["sigmoid"]


def test_large_networks_are_looked_at_with_fewer_images() -> None:
    small = build_model("lenet5", input_shape=(28, 28, 1), classes=10, abstract=True)
    large = build_model("vgg16", input_shape=(224, 224, 3), classes=1000, abstract=True)
    assert batch_for_gradients(small) == 128
    assert 2 <= batch_for_gradients(large) < 10
