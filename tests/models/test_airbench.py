from __future__ import annotations

import numpy as np
import pytest

from kerascnn import layers
from kerascnn.recipe import load_recipe
from kerascnn.training.adaptation import adapt
from tests.assembled import prepare
from tests.data.splits import array_images


def test_parameters_and_shapes(published, trainable, stages):
    model = published("airbench")
    convolutions = 9 * (24 * 64 + 64 * 64 + 64 * 256 + 3 * 256 * 256)
    shifts = 2 * (64 + 256 + 256)
    assert trainable(model) == convolutions + shifts + 256 * 10
    expected = {
        "whitening": (31, 31, 24),
        "group1_gelu2": (15, 15, 64),
        "group2_gelu2": (7, 7, 256),
        "group3_gelu2": (3, 3, 256),
        "pool": (256,),
    }
    assert stages(model, expected) == expected


def test_options_set_width_and_depth(published, trainable):
    model = published("airbench", filters=[8, 16], depth=3, classes=7)
    convolutions = 9 * (24 * 8 + 2 * 8 * 8 + 8 * 16 + 2 * 16 * 16)
    assert trainable(model) == convolutions + 3 * (8 + 16) + 16 * 7


RECIPE = {
    "model": {"name": "airbench", "filters": [8, 8, 8]},
    "data": {"name": "digits", "image_size": 24},
    "training": {"precision": "float32"},
}


def test_prepare_whitens_with_the_training_images():
    data, model = prepare(load_recipe(RECIPE))
    whitening = next(layer for layer in model.layers if isinstance(layer, layers.Whitening))
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


@pytest.mark.slow
@pytest.mark.realdata
def test_the_recipe_learns_cifar10(test_data):
    from kerascnn.training.fit import fit

    small = ["training.epochs=null", "training.steps=150", "training.batch_size=256"]
    small += ["data.validation_fraction=0.02", "model.filters=[32, 64, 64]"]
    recipe = load_recipe("fast-cifar10", small)
    data, model = prepare(recipe)
    outcome = fit(model, data, recipe)
    assert outcome.history["val_accuracy"][-1] > 0.35
