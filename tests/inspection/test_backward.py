"""What a ReLU passes back, by rule, against a walk by hand."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from scipy.signal import convolve2d, correlate2d

from kerascnn.backend import keras, tf
from kerascnn.inspection.backward import RULES, Rule, rectifiers, with_backward
from kerascnn.layers import LRN


def two_layers(*, separate: bool) -> keras.Model:
    """A network of one map a layer: 8x8, 3x3 conv, ReLU, 2x2 max pool, 2x2 conv, ReLU, sum."""
    images = keras.Input((8, 8, 1), dtype="uint8")
    x = keras.layers.Rescaling(1 / 255)(images)
    if separate:
        x = keras.layers.ReLU(name="first")(keras.layers.Conv2D(1, 3)(x))
    else:
        x = keras.layers.Conv2D(1, 3, activation="relu", name="first")(x)
    x = keras.layers.MaxPooling2D(2)(x)
    x = keras.layers.Activation("relu", name="second")(keras.layers.Conv2D(1, 2)(x))
    x = keras.layers.Dense(2, name="logits")(keras.layers.Flatten()(x))
    model = keras.Model(images, x)
    generator = np.random.default_rng(9)  # of its units some are on, some off
    model.set_weights([generator.normal(0, 0.7, weight.shape) for weight in model.weights])
    return model


def by_hand(model: keras.Model, image: np.ndarray, rule: Rule) -> np.ndarray:
    """The signal at the pixels, from the first logit down, in NumPy."""
    k1, b1, k2, b2, dense, _ = (np.asarray(w, "float64") for w in model.get_weights())
    k1, k2 = k1[..., 0, 0], k2[..., 0, 0]
    x1 = correlate2d(image[..., 0] / 255, k1, mode="valid") + b1[0]  # 6x6
    y1 = np.maximum(x1, 0)
    windows = y1.reshape(3, 2, 3, 2).transpose(0, 2, 1, 3).reshape(3, 3, 4)
    switches, pooled = windows.argmax(-1), windows.max(-1)
    x2 = correlate2d(pooled, k2, mode="valid") + b2[0]  # 2x2

    def relu(signal: np.ndarray, x: np.ndarray) -> np.ndarray:
        if rule == "redirected":
            return np.where(x > 0, signal, np.maximum(signal, 0))
        if rule == "gradient":
            return signal * (x > 0)
        return np.maximum(signal, 0) * ((x > 0) if rule == "guided" else 1)

    signal = relu(dense[:, 0].reshape(2, 2), x2)
    signal = convolve2d(signal, k2)  # 3x3
    unpooled = np.zeros((3, 3, 4))
    np.put_along_axis(unpooled, switches[..., None], signal[..., None], axis=-1)
    signal = unpooled.reshape(3, 3, 2, 2).transpose(0, 2, 1, 3).reshape(6, 6)
    return convolve2d(relu(signal, x1), k1)[..., None] / 255


def signal_at_pixels(model: keras.Model, images: np.ndarray) -> np.ndarray:
    pixels = tf.constant(images, "float32")
    with tf.GradientTape() as tape:
        tape.watch(pixels)
        logits = model(pixels)[:, 0]
    return np.asarray(tape.gradient(logits, pixels))


@pytest.mark.parametrize("separate", [False, True])
@pytest.mark.parametrize("rule", RULES)
def test_signals_are_those_of_a_walk_by_hand(rule: Rule, separate: bool) -> None:
    model = two_layers(separate=separate)
    images = np.random.default_rng(0).integers(0, 256, (12, 8, 8, 1), dtype=np.uint8)
    changed = with_backward(model, rule)
    np.testing.assert_allclose(changed(images.astype("float32")), model(images), atol=1e-6)
    expected = np.stack([by_hand(model, image, rule) for image in images])
    assert np.abs(expected).max() > 1e-3
    np.testing.assert_allclose(signal_at_pixels(changed, images), expected, atol=1e-7)


def test_rules_differ() -> None:
    model = two_layers(separate=False)
    images = np.random.default_rng(0).integers(0, 256, (12, 8, 8, 1), dtype=np.uint8)
    found = [signal_at_pixels(with_backward(model, rule), images) for rule in RULES]
    for a, b in combinations(range(len(RULES)), 2):
        assert not np.allclose(found[a], found[b], atol=1e-6)


def test_only_plain_rectifiers_count() -> None:
    images = keras.Input((8, 8, 1), dtype="uint8")
    x = keras.layers.Conv2D(2, 3, activation="relu", name="a")(images)
    x = keras.layers.ReLU(negative_slope=0.1, name="b")(x)
    x = keras.layers.Activation("tanh", name="c")(x)
    x = keras.layers.Activation("relu", name="d")(x)
    x = keras.layers.ReLU(name="e")(x)
    assert rectifiers(keras.Model(images, x)) == ["a", "d", "e"]


def test_normalisation_passes_back_what_it_gets_in_a_deconvnet() -> None:
    images = keras.Input((4, 4, 3), dtype="uint8")
    x = LRN(alpha=1.0, beta=0.75, name="norm")(keras.layers.Rescaling(1 / 255)(images))
    x = keras.layers.Flatten()(x)
    model = keras.Model(images, keras.layers.Dense(1)(x))
    weights = model.get_weights()[0].reshape(4, 4, 3) / 255
    pixels = np.random.default_rng(0).integers(1, 256, (2, 4, 4, 3), dtype=np.uint8)
    changed = with_backward(model, "deconvnet")
    np.testing.assert_allclose(changed(pixels.astype("float32")), model(pixels), atol=1e-6)
    signal = signal_at_pixels(changed, pixels)
    np.testing.assert_allclose(signal, np.stack([weights, weights]), atol=1e-7)
    assert not np.allclose(signal_at_pixels(with_backward(model, "guided"), pixels), signal)


@pytest.mark.parametrize("separate", [False, True])
def test_a_layer_can_be_without_its_relu(separate: bool, noise_images) -> None:
    model, images = two_layers(separate=separate), noise_images(5, 8, 8, 1)
    changed = with_backward(model, "gradient", linear="first")
    before = keras.Model(changed.inputs[0], changed.get_layer("first").output)
    values = np.asarray(before(images.astype("float32")))
    kernel, bias = model.get_weights()[:2]
    plain = correlate2d(images[3, ..., 0] / 255, kernel[..., 0, 0], mode="valid") + bias
    np.testing.assert_allclose(values[3, ..., 0], plain, atol=1e-5)
    assert (values < 0).any()
    assert changed.get_layer("second").activation is not keras.activations.linear
