from __future__ import annotations

import keras
import numpy as np
import pytest

from kerascnn.errors import UserError
from kerascnn.training.losses import MAPCriterion


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


def test_mistakes_are_named():
    with pytest.raises(UserError, match="MAPCriterion j: got 0"):
        MAPCriterion(0)
