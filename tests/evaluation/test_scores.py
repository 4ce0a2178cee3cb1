"""Scores against scikit-learn, scipy and hand-made cases."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import softmax
from sklearn.metrics import accuracy_score, log_loss

from kerascnn.augment.views import NAMED, ViewSpec, shape_for_views, views
from kerascnn.backend import tf
from kerascnn.data.loading import load
from kerascnn.data.pipeline import evaluation_batches
from kerascnn.data.spec import DataSpec
from kerascnn.evaluation import scores as scoring
from kerascnn.evaluation.scores import predict_logits, score
from kerascnn.models.build import build_model
from tests.evaluation.tables import said

CLASSES = tuple("abcdefg")


@pytest.fixture
def example() -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(3)
    labels = random.integers(0, 7, 500)
    logits = random.normal(size=(500, 7)).astype(np.float32)
    logits[np.arange(500), labels] += 1.5
    return logits, labels


def test_scores_agree_with_scikit_learn(example) -> None:
    logits, labels = example
    scores = score(said(logits, labels, CLASSES))
    probabilities = np.exp(logits.astype(float)) / np.exp(logits.astype(float)).sum(
        1, keepdims=True
    )
    assert scores.count == 500 == scores.confusion.sum()
    assert scores.accuracy == accuracy_score(labels, logits.argmax(1))
    assert scores.loss == pytest.approx(log_loss(labels, probabilities))
    inside = [
        label in row for label, row in zip(labels, np.argsort(-logits, 1)[:, :5], strict=True)
    ]
    assert scores.top5 == pytest.approx(np.mean(inside))


def test_wilson_interval() -> None:
    # 8 of 10: 0.490 to 0.943 (Wilson 1927; Brown, Cai and DasGupta 2001)
    logits = np.zeros((10, 2), np.float32)
    logits[:, 0] = 1
    scores = score(said(logits, np.array([0] * 8 + [1] * 2), ("a", "b")))
    assert scores.interval == pytest.approx((0.4902, 0.9433), abs=1e-4)
    assert scores.top5 is None
    assert "test_top5_accuracy" not in scores.metrics("test")


def test_huge_logits_do_not_overflow() -> None:
    scores = score(
        said(np.array([[1e4, 0.0], [0.0, 1e4]], np.float32), np.array([0, 0]), ("a", "b"))
    )
    assert scores.loss == pytest.approx(5000)


@pytest.mark.parametrize("name", ["none", "ten-crop", "multi-scale"])
def test_logits_are_the_mean_softmax_of_the_views(monkeypatch, name):
    monkeypatch.setattr(scoring, "_BATCH", 97)  # uneven last batches
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
