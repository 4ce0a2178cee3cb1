"""Grad-CAM and LayerCAM, against closed forms and finite differences."""

from __future__ import annotations

import numpy as np
import pytest

from kerascnn import build_model
from kerascnn.backend import keras
from kerascnn.errors import UserError
from kerascnn.inspection.gradcam import Method, evidence
from kerascnn.inspection.layers import followed


def with_pooled_maps() -> keras.Model:
    """Maps, their means, and a dense layer: where Grad-CAM is the CAM of Zhou et al. 2016."""
    keras.utils.set_random_seed(0)
    images = keras.Input((12, 10, 3), dtype="uint8")
    x = keras.layers.Rescaling(1 / 255)(images)
    x = keras.layers.Conv2D(6, 3, strides=2, activation="relu", name="maps")(x)
    x = keras.layers.GlobalAveragePooling2D()(x)
    return keras.Model(images, keras.layers.Dense(4, name="classes")(x))


def maps_and_logits(model: keras.Model, name: str, images: np.ndarray) -> list[np.ndarray]:
    return [np.asarray(found, "float64") for found in followed(model, [name])(images)]


@pytest.mark.parametrize("method", ["gradcam", "layercam"])
def test_of_pooled_maps_it_is_known(method: Method, noise_images) -> None:
    model, images = with_pooled_maps(), noise_images(7, 12, 10, 3)
    targets = np.array([0, 1, 2, 3, 0, 1, 2])
    found = evidence(model, images, targets, method=method)
    maps, logits = maps_and_logits(model, "maps", images)
    weights = model.get_layer("classes").get_weights()[0].T[targets] / 20  # of 5x4 positions
    if method == "layercam":
        weights = np.maximum(weights, 0)
    expected = np.maximum(np.einsum("nhwc,nc->nhw", maps, weights), 0)
    assert found.layer.name == "maps"
    assert expected.any(axis=(1, 2)).sum() >= 4
    np.testing.assert_allclose(found.maps, expected, atol=1e-6)
    np.testing.assert_allclose(found.logits, logits, atol=1e-5)
    assert found.heat.shape == (7, 12, 10)
    # What speaks for a class and against it adds up to its logit.
    signed = np.einsum("nhwc,nc->n", maps, model.get_weights()[2].T[targets] / 20)
    np.testing.assert_allclose(signed, logits[np.arange(7), targets], rtol=1e-5)


def nonlinear_tail(model: keras.Model, maps: np.ndarray, target: int) -> np.ndarray:
    """The logit from the maps on, in float64, for derivatives by finite differences."""
    (w1, b1), (w2, b2) = (
        [w.astype("float64") for w in model.get_layer(name).get_weights()] for name in ("f1", "f2")
    )
    return (np.tanh(maps.reshape(len(maps), -1) @ w1 + b1) @ w2 + b2)[:, target]


@pytest.mark.parametrize("method", ["gradcam", "layercam"])
def test_against_finite_differences(method: Method, noise_images) -> None:
    keras.utils.set_random_seed(3)
    pixels = keras.Input((6, 6, 1), dtype="uint8")
    x = keras.layers.Rescaling(1 / 255)(pixels)
    x = keras.layers.Conv2D(3, 3, name="maps")(x)
    x = keras.layers.Activation("relu", name="relu")(x)
    x = keras.layers.Dense(5, activation="tanh", name="f1")(keras.layers.Flatten()(x))
    model = keras.Model(pixels, keras.layers.Dense(3, name="f2")(x))
    images = noise_images(4, 6, 6, 1)
    targets = np.array([2, 0, 1, 2])
    found = evidence(model, images, targets, method=method, layer="maps")
    maps, _ = maps_and_logits(model, "relu", images)
    for n, target in enumerate(targets):
        steps = 1e-5 * np.eye(maps[n].size).reshape(-1, *maps[n].shape)
        up, down = (nonlinear_tail(model, maps[n] + sign * steps, target) for sign in (1, -1))
        gradient = ((up - down) / 2e-5).reshape(maps[n].shape)
        weights = gradient.mean((0, 1)) if method == "gradcam" else np.maximum(gradient, 0)
        expected = np.maximum((weights * maps[n]).sum(-1), 0)
        np.testing.assert_allclose(found.maps[n], expected, atol=2e-6)
    assert found.maps.max() > 1e-3


def test_heat_is_the_map_stretched(noise_images) -> None:
    model, images = with_pooled_maps(), noise_images(3, 12, 10, 3)
    found = evidence(model, images, np.array([0, 1, 2]))
    rows, columns = np.arange(12), np.arange(10)
    y = np.clip((rows + 0.5) * 5 / 12 - 0.5, 0, 4)  # centres of pixels, on the map's own scale
    x = np.clip((columns + 0.5) * 4 / 10 - 0.5, 0, 3)
    y0, x0 = np.minimum(y.astype(int), 3), np.minimum(x.astype(int), 2)
    dy, dx = (y - y0)[:, None], (x - x0)[None]
    grid = found.maps[1]
    above, below = ((1 - dx) * grid[y0 + i][:, x0] + dx * grid[y0 + i][:, x0 + 1] for i in (0, 1))
    np.testing.assert_allclose(found.heat[1], (1 - dy) * above + dy * below, atol=1e-6)


def test_any_number_of_images_and_frozen_weights(noise_images) -> None:
    model, images = with_pooled_maps(), noise_images(300, 12, 10, 3)
    targets = np.arange(300) % 4
    whole = evidence(model, images, targets)
    assert whole.maps.shape == (300, 5, 4)
    model.trainable = False
    some = evidence(model, images[290:], targets[290:])
    np.testing.assert_allclose(whole.maps[290:], some.maps, atol=1e-6)


def test_what_has_no_places() -> None:
    image, target = np.zeros((1, 8, 8, 1), "uint8"), np.zeros(1, int)
    mlp = build_model("mlp", input_shape=(8, 8, 1), classes=3)
    with pytest.raises(UserError, match="mlp has no feature maps: it is not convolutional"):
        evidence(mlp, image, target)
    pixels = keras.Input((8, 8, 1), dtype="uint8")
    x = keras.layers.Conv2D(2, 3, name="maps")(pixels)
    x = keras.layers.Conv2D(2, 6, name="all")(x)
    model = keras.Model(pixels, keras.layers.Dense(3)(keras.layers.Flatten()(x)))
    assert evidence(model, image, target).layer.name == "maps"
    with pytest.raises(UserError, match="layer 'all' has a single position"):
        evidence(model, image, target, layer="all")
    with pytest.raises(UserError, match="unknown layer 'map': did you mean maps"):
        evidence(model, image, target, layer="map")
