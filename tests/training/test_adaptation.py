"""Layers that start from the training images."""

from __future__ import annotations

import numpy as np

from kerascnn import layers
from kerascnn.backend import keras
from kerascnn.recipe import load_recipe
from kerascnn.training import adaptation
from kerascnn.training.adaptation import adapt
from tests.assembled import prepare
from tests.data.splits import array_images

RECIPE = {
    "model": {"name": "airbench", "filters": [8, 8, 8]},
    "data": {"name": "digits", "image_size": 24},
    "training": {"precision": "float32"},
}


def _whitening(model: keras.Model) -> layers.Whitening:
    return next(layer for layer in model.layers if isinstance(layer, layers.Whitening))


def test_prepare_whitens_with_the_training_images():
    data, model = prepare(load_recipe(RECIPE))
    whitening = _whitening(model)
    images = array_images(data.splits["train"]).pixels
    before = type(model)(model.input, whitening.output)
    y = np.asarray(before(images)).reshape(-1, whitening.filters)[:, : whitening.filters // 2]
    covariance = y.T @ y / len(y)
    np.testing.assert_allclose(covariance, np.diag(np.diag(covariance)), atol=2e-3)
    assert (np.diag(covariance) > 0.9).any()


def test_a_network_without_whitening_is_left_alone():
    data, model = prepare(load_recipe(RECIPE | {"model": {"name": "lenet5"}}))
    before = model.get_weights()
    adapt(model, data)
    for then, now in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(then, now)


def test_large_sets_are_sampled_always_alike(monkeypatch):
    data, model = prepare(load_recipe(RECIPE))
    whole = _whitening(model).get_weights()[0]
    monkeypatch.setattr(adaptation, "_PIXELS", 24 * 24 * 400)  # 400 of the 1,374 images
    found = []
    for _ in range(2):
        adapt(model, data)
        found.append(_whitening(model).get_weights()[0])
    np.testing.assert_array_equal(*found)
    assert (found[0] != whole).any()
    # The strongest direction is nearly the same, whichever images it is counted from.
    first, again = (np.ravel(kernel[..., 0]) for kernel in (whole, found[0]))
    similarity = abs(first @ again) / np.linalg.norm(first) / np.linalg.norm(again)
    assert similarity > 0.99
