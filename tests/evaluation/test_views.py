"""Test-time augmentation: the scores of an image's views are averaged."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import softmax

from kerascnn.augmentation import TEST_TIME, TestTimeSpec
from kerascnn.backend import tf
from kerascnn.data import evaluation_batches, load
from kerascnn.data.test_time import views
from kerascnn.evaluation import predict_logits, scores
from kerascnn.models.build import build_model
from kerascnn.recipe import DataSpec


@pytest.mark.parametrize("name", ["none", "ten-crop", "multi-scale"])
def test_logits_are_the_mean_softmax_of_the_views(monkeypatch, name):
    monkeypatch.setattr(scores, "_BATCH", 97)  # uneven last batches
    data = load(DataSpec(name="digits"))
    model = build_model("mlp", input_shape=data.image_shape, classes=10)
    spec = TestTimeSpec(**TEST_TIME[name])
    found = predict_logits(model, data, "test", spec)
    images = np.concatenate([x.numpy() for x, _ in evaluation_batches(data, "test", batch_size=50)])
    assert found.shape == (len(images), 10)
    each = [model.predict(v, verbose=0) for v in views(tf.constant(images), spec, data.image_shape)]
    expected = np.mean([softmax(logits, axis=-1) for logits in each], axis=0)
    np.testing.assert_allclose(softmax(found, axis=-1), expected, atol=1e-5)
