"""What a network is trained to say: one class, or all labels."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.special import log_expit
from sklearn.metrics import average_precision_score

from kerascnn.backend import keras, tf
from kerascnn.models.build import build_model
from kerascnn.recipe import Recipe, load_recipe
from kerascnn.training.compilation import compile_model, with_targets
from kerascnn.training.schedules import Schedule
from kerascnn.training.targets import MeanAveragePrecision, SeveralTargets, Targets, targets_of

LOGITS = np.array([[2.0, -1.0, 0.5], [-3.0, 0.0, 4.0]], np.float32)
LABELS = np.array([[1, 0, 1], [0, 1, 0]], np.float32)


def _recipe(*settings: str, labels: str = "several") -> Recipe:
    values = {"model": {"name": "linear"}, "data": {"name": "csv:x.csv", "labels": labels}}
    return load_recipe(values, settings)


def test_the_recipe_decides() -> None:
    assert type(targets_of(_recipe(labels="one"))) is Targets
    assert type(targets_of(_recipe())) is SeveralTargets


def test_the_loss_is_the_mean_binary_cross_entropy() -> None:
    each = -(LABELS * log_expit(LOGITS) + (1 - LABELS) * log_expit(-LOGITS))
    found = targets_of(_recipe()).loss("abc")(LABELS, LOGITS)
    assert float(found) == pytest.approx(each.mean(), rel=1e-6)
    assert targets_of(_recipe()).guessing(3) == pytest.approx(
        float(targets_of(_recipe()).loss("abc")(LABELS, np.zeros_like(LOGITS)))
    )
    assert targets_of(_recipe(labels="one")).guessing(3) == math.log(3)


def test_smoothed_labels_are_drawn_towards_a_half() -> None:
    found = targets_of(_recipe()).of(tf.constant(LABELS), 3, 0.2)
    np.testing.assert_allclose(found, np.where(LABELS > 0, 0.9, 0.1), rtol=1e-6)
    np.testing.assert_array_equal(targets_of(_recipe()).of(tf.constant(LABELS), 3), LABELS)


def test_batches_keep_their_label_sets() -> None:
    model = build_model("linear", input_shape=(8, 8, 1), classes=3)
    batches = tf.data.Dataset.from_tensors((np.zeros((2, 8, 8, 1), np.uint8), LABELS))
    ((_, labels),) = with_targets(batches, model, _recipe())
    np.testing.assert_array_equal(labels, LABELS)


def test_auxiliary_heads_have_the_same_loss() -> None:
    images = keras.Input((8, 8, 1), dtype="uint8")
    x = keras.layers.Flatten()(keras.layers.Rescaling(1 / 255)(images))
    heads = {name: keras.layers.Dense(3, name=name)(x) for name in ("logits", "aux")}
    model, recipe = keras.Model(images, heads), _recipe("training.steps=4")
    compile_model(model, recipe, Schedule(recipe.optimizer, steps=4, steps_per_epoch=2), "abc")
    batches = tf.data.Dataset.from_tensors((np.zeros((2, 8, 8, 1), np.uint8), LABELS))
    logs = model.evaluate(with_targets(batches, model, recipe), verbose=0, return_dict=True)
    assert logs["logits_loss"] == pytest.approx(math.log(2))  # zeros in, and no bias yet
    assert logs["loss"] == pytest.approx(1.3 * math.log(2))
    assert "logits_mean_average_precision" in logs


def test_the_figure_of_an_epoch_is_near_to_the_exact_one() -> None:
    random = np.random.default_rng(0)
    labels = (random.random((500, 4)) < [0.5, 0.3, 0.2, 0.1]).astype(np.float32)
    logits = (2 * labels - 1 + random.normal(0, 1.5, labels.shape)).astype(np.float32)
    metric = targets_of(_recipe()).metric(4)
    for start in range(0, 500, 100):
        metric.update_state(labels[start : start + 100], logits[start : start + 100])
    exact = average_precision_score(labels, logits, average="macro")
    assert float(metric.result()) == pytest.approx(exact, abs=0.01)
    soft = targets_of(_recipe()).metric(4)
    soft.update_state(0.8 * labels + 0.1, logits)
    assert float(soft.result()) == pytest.approx(float(metric.result()), abs=1e-6)


def test_the_figure_can_be_saved() -> None:
    again = MeanAveragePrecision.from_config(MeanAveragePrecision(7).get_config())
    assert again.name == "mean_average_precision"
    again.update_state(np.zeros((2, 7)), np.zeros((2, 7)))
    assert isinstance(again, keras.metrics.Metric)
