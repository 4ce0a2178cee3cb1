"""Mixed images are trained with soft labels, and validated with whole ones."""

from __future__ import annotations

import pytest

from kerascnn.recipe import load_recipe
from kerascnn.training.fit import fit
from tests.assembled import prepare


@pytest.mark.ci
@pytest.mark.parametrize("operation", ["cutmix", pytest.param("mixup", marks=pytest.mark.slow)])
def test_a_network_learns_from_mixed_images(operation):
    settings = [f"augment.operations=[{operation}]", "training.epochs=3"]
    recipe = load_recipe("digits-quick", settings)
    data, model = prepare(recipe)
    history = fit(model, data, recipe).history
    assert history["val_accuracy"][-1] > 0.7
    assert 0.1 < history["val_loss"][-1] < history["loss"][-1]  # mixing makes training harder
