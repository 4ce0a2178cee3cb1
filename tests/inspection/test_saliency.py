"""Derivatives of logits with respect to pixels, and what is made of them."""

from __future__ import annotations

import numpy as np
import pytest

from kerascnn import build_model
from kerascnn.backend import keras
from kerascnn.inspection.saliency import PixelGradients, integrated_gradients, smooth_gradient


@pytest.fixture(scope="module")
def model() -> keras.Model:
    keras.utils.set_random_seed(0)
    return build_model("lenet5", input_shape=(16, 16, 1), classes=4)


@pytest.fixture(scope="module")
def gradients(model: keras.Model) -> PixelGradients:
    return PixelGradients(model)


@pytest.fixture
def image() -> np.ndarray:
    """Dark at the left, bright at the right, with noise."""
    noise = np.random.default_rng(2).integers(0, 60, (16, 16, 1))
    return (np.linspace(0, 190, 16)[None, :, None] + noise).astype(np.uint8)


def squashed(activation: str) -> keras.Model:
    """A smooth network, of known weights."""
    pixels = keras.Input((4, 4, 2), dtype="uint8")
    x = keras.layers.Flatten()(keras.layers.Rescaling(1 / 255)(pixels))
    x = keras.layers.Dense(6, activation=activation)(x)
    model = keras.Model(pixels, keras.layers.Dense(3)(x))
    generator = np.random.default_rng(0)
    model.set_weights([generator.normal(0, 0.6, weight.shape) for weight in model.weights])
    return model


def in_numpy(model: keras.Model, images: np.ndarray) -> np.ndarray:
    w1, b1, w2, b2 = (weight.astype("float64") for weight in model.get_weights())
    hidden = images.reshape(len(images), -1) / 255 @ w1 + b1
    return np.tanh(hidden) @ w2 + b2


def test_derivatives_are_finite_differences(noise_images) -> None:
    model, images = squashed("tanh"), noise_images(3, 4, 4, 2).astype("float64")
    targets = np.array([2, 0, 1])
    found, logits = PixelGradients(model)(images, targets)
    np.testing.assert_allclose(logits, in_numpy(model, images)[np.arange(3), targets], rtol=1e-5)
    steps = 1e-3 * np.eye(32).reshape(32, 4, 4, 2)
    for image, target, gradient in zip(images, targets, found, strict=True):
        up, down = (in_numpy(model, image + sign * steps)[:, target] for sign in (1, -1))
        np.testing.assert_allclose(gradient, ((up - down) / 2e-3).reshape(4, 4, 2), atol=1e-7)
    assert np.abs(found).max() > 1e-4


def test_many_images_are_looked_at_in_parts(gradients: PixelGradients, noise_images) -> None:
    images, targets = noise_images(300, 16, 16, 1), np.arange(300) % 4
    found, logits = gradients(images, targets)
    assert found.shape == images.shape
    assert logits.shape == (300,)
    some, _ = gradients(images[280:], targets[280:])
    np.testing.assert_allclose(found[280:], some, atol=1e-7)


@pytest.mark.parametrize("baseline", ["black", "white", "mean", "noise"])
def test_what_the_pixels_get_adds_up(gradients, image, noise_images, baseline: str) -> None:
    others = {
        "black": 0.0,
        "white": 255.0,
        "mean": image.mean(axis=(0, 1)),
        "noise": noise_images(1, 16, 16, 1)[0],
    }
    found, end, start = integrated_gradients(
        gradients, image, 1, baseline=others[baseline], steps=300
    )
    assert found.shape == (16, 16, 1)
    assert abs(end - start) > 1e-3
    assert found.sum() == pytest.approx(end - start, rel=0.01, abs=1e-3)
    assert end == pytest.approx(gradients(image[None], np.array([1]))[1][0], rel=1e-5)


def test_more_steps_come_closer(noise_images) -> None:
    gradients, image = PixelGradients(squashed("tanh")), noise_images(1, 4, 4, 2)[0]
    gaps = []
    for steps in (2, 8, 200):
        found, end, start = integrated_gradients(gradients, image, 0, steps=steps)
        gaps.append(abs(found.sum() - (end - start)))
    assert gaps[0] > 4 * gaps[1]
    assert gaps[2] < 1e-4


def test_of_a_linear_network_all_is_known(noise_images) -> None:
    model, image = squashed("linear"), noise_images(1, 4, 4, 2)[0]
    w1, _, w2, _ = model.get_weights()
    slope = (w1 @ w2)[:, 1].reshape(4, 4, 2) / 255
    gradients = PixelGradients(model)
    found, _, _ = integrated_gradients(gradients, image, 1, baseline=10.0, steps=3)
    np.testing.assert_allclose(found, slope * (image - 10.0), rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(smooth_gradient(gradients, image, 1), slope, rtol=1e-4, atol=1e-7)


def test_smooth_gradient_is_a_mean_over_noise(gradients: PixelGradients, image) -> None:
    once = smooth_gradient(gradients, image, 2, samples=100, noise=0.1, seed=5)
    np.testing.assert_array_equal(
        once, smooth_gradient(gradients, image, 2, samples=100, noise=0.1, seed=5)
    )
    assert not np.allclose(once, smooth_gradient(gradients, image, 2, samples=100, seed=6))
    generator, total = np.random.default_rng(5), np.zeros(image.shape)
    for _ in range(100):
        noisy = image + generator.normal(0, 0.1 * np.ptp(image), image.shape)
        total += gradients(noisy[None], np.array([2]))[0][0]
    np.testing.assert_allclose(once, total / 100, atol=1e-6)
    still = smooth_gradient(gradients, image, 2, samples=2, noise=0.0)
    np.testing.assert_allclose(still, gradients(image[None], np.array([2]))[0][0], atol=1e-7)


def test_guided_signals_are_another_thing(model, gradients, image) -> None:
    guided = PixelGradients(model, "guided")
    targets = np.array([0])
    (found, logit), (plain, same) = (each(image[None], targets) for each in (guided, gradients))
    np.testing.assert_allclose(logit, same, rtol=1e-5)
    assert not np.allclose(found, plain)
