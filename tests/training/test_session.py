"""A recipe's data and network, put together; no step is taken."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from kerascnn.errors import UserError
from kerascnn.hardware import hardware
from kerascnn.models.build import build_model
from kerascnn.recipe import Recipe, load_recipe
from kerascnn.training.initialization import StartingWeights
from kerascnn.training.session import Session, assemble, outline
from tests.data.splits import array_images

SMALL = {"model": {"name": "mlp", "hidden": [6]}, "data": {"name": "digits", "image_size": 8}}
PARAMETERS = 64 * 6 + 6 + 6 * 10 + 10


def _recipe(*settings: str) -> Recipe:
    return load_recipe(SMALL, ["training.device=cpu", *settings])


def _assemble(*settings: str, **arguments) -> tuple[Session, list[str]]:
    lines: list[str] = []
    return assemble(_recipe(*settings), report=lines.append, **arguments), lines


def test_what_is_told_before_the_first_step() -> None:
    session, lines = _assemble()
    assert lines[:2] == [
        "digits: 1,374 train, 153 validation, 270 test images of 8x8x1, 10 classes",
        f"mlp: {PARAMETERS} parameters, on {hardware()}",
    ]
    assert lines[2].startswith("device cpu (as asked), precision float32 (")
    assert len(lines) == 3
    assert session.parameters == session.analysis.parameters == PARAMETERS
    assert session.recipe == _recipe()
    assert session.network.output_shape == (None, 10)


def test_the_network_is_built_once_and_counted_as_its_outline(monkeypatch) -> None:
    built: list[bool] = []

    def build(*args: Any, abstract: bool = False, **options: Any) -> Any:
        built.append(abstract)
        return build_model(*args, abstract=abstract, **options)

    monkeypatch.setattr("kerascnn.training.session.build_model", build)
    session = assemble(
        load_recipe({"model": "airbench", "data": "digits"}, ["training.device=cpu"])
    )
    twice = session.computation.policy != "float32"
    assert built == [False] * (1 + twice), "in float32, and again in what is chosen by it"
    assert session.analysis == outline(session.recipe)[1]


def test_pixels_are_normalized_by_the_training_images() -> None:
    session, _ = _assemble()
    pixels = array_images(session.data.splits["train"]).pixels
    seen = type(session.model)(session.model.input, session.model.get_layer("pixels").output)
    normalized = np.asarray(seen(pixels))
    assert normalized.mean() == pytest.approx(0, abs=1e-3)
    assert normalized.std() == pytest.approx(1, abs=1e-3)


def test_the_seed_decides_the_first_weights() -> None:
    first, again, other = (
        _assemble(f"training.seed={seed}")[0].model.get_weights() for seed in (1, 1, 2)
    )
    for one, two in zip(first, again, strict=True):
        np.testing.assert_array_equal(one, two)
    assert any((one != two).any() for one, two in zip(first, other, strict=True))


def test_weights_are_taken_and_frozen_as_the_recipe_says() -> None:
    given = build_model("mlp", input_shape=(8, 8, 1), classes=10, hidden=[6])
    asked: list[Any] = []

    def weights_of(recipe: Recipe, shape: Any, classes: int, report: Any) -> StartingWeights:
        asked.append((recipe.training.initialize, shape, classes))
        return StartingWeights.of(given, "some-run")

    session, lines = _assemble(
        "training.initialize=some-run", "training.freeze=[fc1]", weights_of=weights_of
    )
    assert asked == [("some-run", (8, 8, 1), 10)]
    assert lines[3:] == [
        "initialized from some-run: the weights of 2 of 2 layers",
        "frozen: fc1; 70 parameters train",
    ]
    assert session.parameters == PARAMETERS, "those of the network, frozen or not"
    for name in ("fc1", "fc2"):
        for one, two in zip(
            session.model.get_layer(name).get_weights(),
            given.get_layer(name).get_weights(),
            strict=True,
        ):
            np.testing.assert_array_equal(one, two)
    assert not session.model.get_layer("fc1").trainable


def test_a_resumed_run_draws_its_weights_and_looks_for_no_other_run() -> None:
    _, lines = _assemble("training.initialize=a-run-that-is-gone")
    assert len(lines) == 3


def test_the_batch_size_is_settled() -> None:
    session, lines = _assemble("training.batch_size=auto")
    size = session.recipe.training.batch_size
    assert size == 32  # 42 steps an epoch
    assert lines[3].startswith("batch size 32 (")
    assert session.recipe == _recipe("training.batch_size=32")


def test_predictions_are_of_the_network_as_it_is() -> None:
    session, _ = _assemble()
    found = session.predict("test")
    split = session.data.splits["test"]
    images, labels = array_images(split).pixels, split.labels
    predicted = np.asarray(session.network(images)).argmax(axis=1)
    np.testing.assert_array_equal(found.predicted, predicted)
    np.testing.assert_array_equal(found.labels, labels)
    assert found.size == 270


def test_an_outline_counts_without_weights() -> None:
    data, analysis, size = outline(_recipe("training.batch_size=48"))
    assert (data.image_shape, analysis.parameters, size) == ((8, 8, 1), PARAMETERS, 48)
    assert outline(_recipe("training.freeze=[fc1]"))[1].parameters == 70, "that train"
    wide = outline(_recipe("model.hidden=[1000000000]"))[1]
    assert wide.parameters == 64 * 10**9 + 10**9 + 10**10 + 10  # some 300 GB, if they had values


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (["data.name=folder:gone"], "gone: no such folder"),
        (["model={name: lenet5}"], "c3 would get a 4x4 map"),
        (["training.freeze=[fcc1]"], "training.freeze 'fcc1': did you mean fc1"),
        (["optimizer.learning_rate_multipliers={fc9: 2}"], "fc9"),
    ],
)
def test_mistakes_are_told_by_both(settings: list[str], message: str) -> None:
    for put_together in (assemble, outline):
        with pytest.raises(UserError, match=message):
            put_together(_recipe(*settings))


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        (
            "training.class_weights={'10': 2}",
            r"unknown class in training\.class_weights '10': known: 0, 1",
        ),
        (
            "training.costs={'3': {seven: 2}}",
            r"unknown class in training\.costs 'seven': known: 0, 1",
        ),
        ("training.costs={'3': {'3': 2}}", "costs: the right answer '3' costs nothing"),
        ("training.class_weights={'3': 0}", r"class_weights\.3: got 0, .* greater than 0"),
        ("training.class_weights={'3': true}", "class_weights: got .* must be a number"),
        ("training.costs={'3': {'5': -1}}", r"costs\.3\.5: got -1"),
        ("training.loss=focl", "loss: got 'focl'"),
    ],
)
def test_weights_and_costs_that_do_not_do(setting: str, message: str) -> None:
    with pytest.raises(UserError, match=message):
        _assemble(setting)
