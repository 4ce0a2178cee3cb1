"""Probabilities of pixels are those that files get."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

import kerascnn
from kerascnn.models.build import build_model
from kerascnn.recipe import load_recipe
from kerascnn.serving.archive import SavedModel
from kerascnn.serving.classifier import Classifier


@pytest.mark.parametrize("views", ["none", "flips"])
def test_as_predict(noise_images, tmp_path, views: str) -> None:
    model = build_model("mlp", input_shape=(8, 8, 3), classes=3)
    recipe = load_recipe("digits-quick", [f"augment.test_time={views}"])
    saved = SavedModel(model, tuple("abc"), recipe)
    images = [noise_images(9, 12, 3), noise_images(20, 8, 3)]
    for number, image in enumerate(images):
        Image.fromarray(image).save(tmp_path / f"{number}.png")
    found = Classifier(saved).probabilities(images)
    assert found.shape == (2, 3)
    for row, expected in zip(found, kerascnn.predict(saved, tmp_path, top=3), strict=True):
        by_name = dict(zip(expected.classes, expected.probabilities, strict=True))
        np.testing.assert_allclose(row, [by_name[name] for name in "abc"], atol=1e-6)
    assert Classifier(saved).labels(found[0]) is None


def test_no_images_and_labels_that_reach_their_thresholds(noise_images) -> None:
    model = build_model("mlp", input_shape=(8, 8, 3), classes=3)
    saved = SavedModel(model, tuple("abc"), load_recipe("digits-quick"), (0.5, 0.5, 0.9))
    classifier = Classifier(saved)
    assert classifier.probabilities([]).shape == (0, 3)
    assert classifier.labels(np.array([0.6, 0.7, 0.8])) == ["b", "a"]
