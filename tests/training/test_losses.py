from __future__ import annotations

import keras
import numpy as np
import pytest
from scipy.special import log_softmax, softmax

from kerascnn.backend import tf
from kerascnn.errors import UserError
from kerascnn.models.registry import Loss
from kerascnn.training.losses import ExpectedCost, FocalLoss, MAPCriterion, build_loss


def test_is_the_papers_formula_for_labels_of_every_kind():
    distances = np.random.default_rng(0).uniform(0, 9, size=(4, 3)).astype("float32")
    labels = np.array([0, 2, 1, 1])
    j = 3.0
    right = distances[np.arange(4), labels]
    expected = right + np.log(np.exp(-j) + np.exp(-distances).sum(axis=1))
    loss = MAPCriterion(j, reduction=None)
    for given in (labels, labels[:, None], np.eye(3, dtype="float32")[labels]):
        np.testing.assert_allclose(loss(given, -distances), expected, rtol=1e-5)
    soft = np.full((4, 3), 1 / 3, "float32")
    each = [loss(np.full(4, label), -distances) for label in range(3)]
    np.testing.assert_allclose(loss(soft, -distances), np.mean(each, axis=0), rtol=1e-5)


def test_distances_far_beyond_the_range_of_exp_stay_finite():
    loss = MAPCriterion()
    assert np.isfinite(loss(np.array([0]), np.array([[-3000.0, -2000.0]])))


def test_is_saved_with_its_constant():
    loss = keras.saving.deserialize_keras_object(
        keras.saving.serialize_keras_object(MAPCriterion(2.0))
    )
    assert isinstance(loss, MAPCriterion)
    assert loss.j == 2.0


def _logits_and_labels():
    random = np.random.default_rng(1)
    return random.normal(0, 3, (6, 4)).astype("float32"), np.array([0, 1, 2, 3, 1, 0])


@pytest.mark.parametrize("gamma", [0.0, 0.5, 2.0, 5.0])
def test_focal_loss_is_the_papers_formula(gamma: float):
    logits, labels = _logits_and_labels()
    p = softmax(logits.astype(float), axis=1)[np.arange(6), labels]
    loss = FocalLoss(gamma, reduction=None)
    one_hot = np.eye(4, dtype="float32")[labels]
    for given in (labels, labels[:, None], one_hot):
        np.testing.assert_allclose(loss(given, logits), -((1 - p) ** gamma) * np.log(p), rtol=2e-4)
    theirs = keras.losses.CategoricalFocalCrossentropy(1.0, gamma, from_logits=True, reduction=None)
    np.testing.assert_allclose(loss(one_hot, logits), theirs(one_hot, logits), rtol=2e-4, atol=1e-6)
    soft = np.full((6, 4), 0.25, "float32")
    np.testing.assert_allclose(loss(soft, logits), theirs(soft, logits), rtol=2e-4)


@pytest.mark.parametrize("gamma", [0.5, 2.0])
def test_gradients_of_sure_answers_are_finite(gamma: float):
    logits = tf.Variable([[100.0, 0, 0], [0.0, 100, 0]])
    with tf.GradientTape() as tape:
        value = FocalLoss(gamma)(np.array([0, 0]), logits)
    assert np.isfinite(value)
    assert np.isfinite(tape.gradient(value, logits)).all()


@pytest.mark.parametrize("name", ["crossentropy", "focal", "map"])
def test_expected_costs_are_added(name: Loss):
    logits, labels = _logits_and_labels()
    costs = np.random.default_rng(2).uniform(0, 9, (4, 4))
    expected = (costs[labels] * softmax(logits, axis=1)).sum(axis=1)
    plain = build_loss(name)
    both = build_loss(name, costs=costs)
    assert float(both(labels, logits)) == pytest.approx(
        float(plain(labels, logits)) + expected.mean(), rel=1e-5
    )
    if name == "crossentropy":
        right = -log_softmax(logits, axis=1)[np.arange(6), labels]
        assert float(both(labels, logits)) == pytest.approx((right + expected).mean(), rel=1e-5)
        soft = build_loss(name, soft_labels=True, costs=costs)
        one_hot = np.eye(4, dtype="float32")[labels]
        assert float(soft(one_hot, logits)) == pytest.approx((right + expected).mean(), rel=1e-5)


def test_they_are_saved_whole():
    logits, labels = _logits_and_labels()
    loss = build_loss("focal", gamma=3.0, costs=np.arange(16.0).reshape(4, 4))
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(loss))
    assert isinstance(again, ExpectedCost)
    assert isinstance(again.loss, FocalLoss)
    assert float(again(labels, logits)) == float(loss(labels, logits))


def test_mistakes_are_named():
    with pytest.raises(UserError, match="MAPCriterion j: got 0"):
        MAPCriterion(0)
    with pytest.raises(UserError, match="FocalLoss gamma: got -1"):
        FocalLoss(-1)
