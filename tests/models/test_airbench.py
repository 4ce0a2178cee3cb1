from __future__ import annotations

import pytest

from kerascnn.recipe import load_recipe
from tests.assembled import prepare

SIZES = {  # parameters and MACs, checked in test_catalog.py
    "airbench": (1_971_328, 118_147_360),  # of its code: no bias after the whitening
}


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
