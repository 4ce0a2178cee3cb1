"""A recipe's loss, metrics and labels, for networks with and without auxiliary heads."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy.special import log_softmax, softmax

from kerascnn.backend import keras, tf
from kerascnn.data.dataset import ImageData
from kerascnn.data.loading import load
from kerascnn.data.spec import DataSpec
from kerascnn.errors import UserError
from kerascnn.models.build import build_model
from kerascnn.recipe import Recipe, load_recipe
from kerascnn.training.compilation import (
    build_schedule,
    check,
    compile_model,
    steps_per_epoch,
    training_stream,
    with_targets,
)
from kerascnn.training.spec import TrainSpec

MIXED = ["augment={operations: [mixup]}"]


@pytest.fixture(scope="module")
def data() -> ImageData:
    return load(DataSpec(name="digits", image_size=8))


def _recipe(*settings: str) -> Recipe:
    source = {"model": {"name": "mlp", "hidden": [4]}, "data": {"name": "digits", "image_size": 8}}
    return load_recipe(source, ["optimizer.name=sgd", "training.epochs=2", *settings])


def _model(heads: bool = False) -> keras.Model:
    """Three classes; with `heads`, two outputs more."""
    if not heads:
        return build_model("linear", input_shape=(8, 8, 1), classes=3)
    images = keras.Input((8, 8, 1), dtype="uint8")
    x = keras.layers.Flatten()(keras.layers.Rescaling(1 / 255)(images))
    names = ("logits", "aux1", "aux2")
    return keras.Model(images, {name: keras.layers.Dense(3, name=name)(x) for name in names})


def _batches(*weights: float) -> tf.data.Dataset:
    parts = np.zeros((2, 8, 8, 1), np.uint8), np.array([0, 2], np.int32)
    extra = (np.array(weights, np.float32),) if weights else ()
    return tf.data.Dataset.from_tensors((*parts, *extra))


def test_labels_stay_classes_where_nothing_mixes_them() -> None:
    ((_, labels),) = with_targets(_batches(), _model(), _recipe())
    np.testing.assert_array_equal(labels, [0, 2])


def test_labels_become_probabilities_where_images_are_mixed_or_labels_smoothed() -> None:
    ((_, labels),) = with_targets(_batches(), _model(), _recipe(*MIXED))
    np.testing.assert_array_equal(labels, [[1, 0, 0], [0, 0, 1]])
    ((_, labels),) = with_targets(_batches(), _model(), _recipe(*MIXED), smoothing=0.3)
    np.testing.assert_allclose(labels, [[0.8, 0.1, 0.1], [0.1, 0.1, 0.8]], rtol=1e-6)


def test_every_head_gets_the_labels_and_weights_stay() -> None:
    ((_, labels, weights),) = with_targets(_batches(0.5, 2.0), _model(heads=True), _recipe())
    assert list(labels) == ["logits", "aux1", "aux2"]
    for each in labels.values():
        np.testing.assert_array_equal(each, [0, 2])
    np.testing.assert_array_equal(weights, [0.5, 2.0])


def test_a_step_is_traced_once(data: ImageData) -> None:
    model, recipe = _model(), _recipe()
    compile_model(model, recipe, build_schedule(data, recipe))
    step, traces = model.train_step, []

    def traced(batch: Any) -> Any:
        traces.append(batch)
        return step(batch)

    model.train_step = traced
    model.fit(with_targets(_batches(), model, recipe), shuffle=False, verbose=0)
    assert len(traces) == 1


@pytest.mark.parametrize("settings", [[], MIXED, ["training.label_smoothing=0.1"]])
def test_the_loss_is_cross_entropy_on_logits(data: ImageData, settings: list[str]) -> None:
    model, recipe = _model(), _recipe(*settings)
    compile_model(model, recipe, build_schedule(data, recipe))
    batches = with_targets(_batches(), model, recipe)
    logs = model.evaluate(batches, verbose=0, return_dict=True)
    logits = np.asarray(model(next(iter(batches))[0]))
    expected = -log_softmax(logits, axis=1)[[0, 1], [0, 2]].mean()
    assert logs["loss"] == pytest.approx(expected, rel=1e-5)
    assert logs["accuracy"] == np.mean(logits.argmax(axis=1) == [0, 2])


def test_focus_costs_and_weights_together(data: ImageData) -> None:
    model = _model()
    recipe = _recipe(
        "training.loss=focal", "training.focal_gamma=1.5", "training.costs={a: {c: 7}, c: {b: 0.5}}"
    )
    compile_model(model, recipe, build_schedule(data, recipe), "abc")
    batches = with_targets(_batches(0.5, 2.0), model, recipe)
    logs = model.evaluate(batches, verbose=0, return_dict=True)
    p = softmax(np.asarray(model(next(iter(batches))[0])), axis=1)
    focal = [-((1 - p[i, c]) ** 1.5) * np.log(p[i, c]) for i, c in ((0, 0), (1, 2))]
    costs = [p[0] @ [0, 1, 7], p[1] @ [1, 0.5, 0]]
    each = np.array([0.5, 2.0]) * (np.array(focal) + costs)
    assert logs["loss"] == pytest.approx(each.mean(), rel=1e-4)


def test_auxiliary_heads_count_as_the_recipe_says(data: ImageData) -> None:
    model, recipe = _model(heads=True), _recipe("training.auxiliary_weight=0.25")
    compile_model(model, recipe, build_schedule(data, recipe))
    batches = with_targets(_batches(), model, recipe)
    logs = model.evaluate(batches, verbose=0, return_dict=True)
    outputs = model(next(iter(batches))[0])
    losses = {
        head: -log_softmax(np.asarray(logits), axis=1)[[0, 1], [0, 2]].mean()
        for head, logits in outputs.items()
    }
    total = losses["logits"] + 0.25 * (losses["aux1"] + losses["aux2"])
    assert logs["loss"] == pytest.approx(total, rel=1e-5)
    assert "logits_accuracy" in logs
    assert "aux1_accuracy" not in logs


@pytest.mark.parametrize(("size", "steps"), [(1374, 1), (1373, 2), (100, 14), (1, 1374)])
def test_steps_of_an_epoch(data: ImageData, size: int, steps: int) -> None:
    assert steps_per_epoch(data, TrainSpec(batch_size=size)) == steps


def test_the_schedule_ends_with_the_run(data: ImageData) -> None:
    recipe = _recipe(
        "optimizer={name: sgd, learning_rate: 1, schedule: linear}", "training.batch_size=100"
    )
    schedule = build_schedule(data, recipe)
    rates = [float(schedule(step)) for step in (0, 14, 27)]
    assert rates == pytest.approx([1, 0.5, 1 / 28])


def test_batches_are_smoothed_and_go_on_anywhere(data: ImageData) -> None:
    model = build_model("linear", input_shape=(8, 8, 1), classes=10)
    recipe = _recipe("training.batch_size=100", "training.label_smoothing=0.1")

    def take(number: int, epoch: int = 0, step: int = 0) -> list:
        stream = training_stream(model, data, recipe, epoch=epoch, step=step).take(number)
        return list(stream.as_numpy_iterator())

    stream = take(16)
    labels = stream[0][1]
    np.testing.assert_allclose(np.sort(labels, axis=1)[:, [0, -1]], [[0.01, 0.91]] * 100, rtol=1e-5)
    for (images, labels), (again, same) in zip(stream[14:], take(2, epoch=1), strict=True):
        np.testing.assert_array_equal(images, again)
        np.testing.assert_array_equal(labels, same)
    np.testing.assert_array_equal(stream[3][0], take(1, step=3)[0][0])


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (["optimizer.schedule={name: linear, warmup: 29, unit: steps}"], "warmup: got 29"),
        (["optimizer.learning_rate_multipliers={fc9: 0.1}"], "fc9"),
    ],
)
def test_what_only_data_and_network_can_tell(data: ImageData, settings, message: str) -> None:
    model = build_model("linear", input_shape=(8, 8, 1), classes=10)
    check(model, data, _recipe("training.batch_size=100"))
    with pytest.raises(UserError, match=message):
        check(model, data, _recipe("training.batch_size=100", *settings))
