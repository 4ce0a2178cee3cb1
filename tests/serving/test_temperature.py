"""A temperature in the network itself."""

from __future__ import annotations

import numpy as np

from kerascnn.models.build import build_model
from kerascnn.recipe import load_recipe
from kerascnn.serving.archive import SavedModel, load_model, save_model
from kerascnn.serving.temperature import with_temperature


def test_logits_are_divided_and_weights_shared(noise_images, tmp_path) -> None:
    model = build_model("mlp", input_shape=(8, 8, 1), classes=3)
    images = noise_images(5, 8, 8, 1)
    cooler = with_temperature(model, 2.0)
    np.testing.assert_allclose(cooler(images), np.asarray(model(images)) / 2, rtol=1e-6)
    assert [weight.path for weight in cooler.weights] == [weight.path for weight in model.weights]
    again = with_temperature(cooler, 3.0)
    np.testing.assert_allclose(again(images), np.asarray(model(images)) / 6, rtol=1e-5)
    assert len(again.layers) == len(cooler.layers)  # one temperature, not two
    path = tmp_path / "model.keras"
    save_model(SavedModel(again, tuple("abc"), load_recipe("digits-quick")), path)
    np.testing.assert_allclose(load_model(path).model(images), again(images), rtol=1e-6)
