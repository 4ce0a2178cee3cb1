"""Test-time augmentation: the scores of an image's views are averaged."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from scipy.special import softmax

from kerascnn.augment.views import NAMED, ViewSpec, shape_for_views, views
from kerascnn.backend import tf
from kerascnn.data.loading import load
from kerascnn.data.pipeline import evaluation_batches
from kerascnn.data.spec import DataSpec
from kerascnn.evaluation import scores
from kerascnn.evaluation.scores import predict_logits
from kerascnn.models.build import build_model
from kerascnn.recipe import load_recipe
from kerascnn.serving.archive import SavedModel
from kerascnn.serving.predict import predictions
from tests.data.pictures import picture
from tests.data.splits import file_images


@pytest.mark.parametrize("name", ["none", "ten-crop", "multi-scale"])
def test_logits_are_the_mean_softmax_of_the_views(monkeypatch, name):
    monkeypatch.setattr(scores, "_BATCH", 97)  # uneven last batches
    data = load(DataSpec(name="digits"))
    model = build_model("mlp", input_shape=data.image_shape, classes=10)
    spec = ViewSpec(**NAMED[name])
    found = predict_logits(model, data, "test", spec)
    larger = shape_for_views(spec, data.image_shape)
    batches = evaluation_batches(data, "test", batch_size=50, image_shape=larger)
    images = np.concatenate([x.numpy() for x, _ in batches])
    assert found.shape == (len(images), 10)
    each = [model.predict(v, verbose=0) for v in views(tf.constant(images), spec, data.image_shape)]
    expected = np.mean([softmax(logits, axis=-1) for logits in each], axis=0)
    np.testing.assert_allclose(softmax(found, axis=-1), expected, atol=1e-5)


def test_predict_sees_a_file_as_the_scores_do(tmp_path: Path) -> None:
    for i in range(20):
        folder = tmp_path / "ab"[i % 2]
        folder.mkdir(exist_ok=True)
        Image.fromarray(picture(40, 50 + i, seed=i)).save(folder / f"{i}.png")
    fields = {"name": f"folder:{tmp_path}", "image_size": 28}
    recipe = load_recipe(
        {"model": {"name": "mlp"}, "data": fields, "augment": {"test_time": "ten-crop"}}
    )
    data = load(recipe.data)
    model = build_model("mlp", input_shape=data.image_shape, classes=2)
    expected = softmax(predict_logits(model, data, "test", recipe.augment.test_time), axis=1)
    files = [Path(os.fsdecode(path)) for path in file_images(data.splits["test"]).paths]
    found = list(predictions(SavedModel(model, data.classes, recipe), files, top=2))
    shares = [dict(zip(one.classes, one.probabilities, strict=True)) for one in found]
    np.testing.assert_allclose([[s["a"], s["b"]] for s in shares], expected, atol=1e-5)
