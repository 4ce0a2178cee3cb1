"""Precision by measuring: when it is measured, how it is judged, and that it leaves no trace."""

from __future__ import annotations

import random
import re
import signal
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from kerascnn.arithmetic import analyze
from kerascnn.backend import keras, tf
from kerascnn.cache import clear, entries
from kerascnn.data.dataset import ImageData
from kerascnn.data.loading import load
from kerascnn.models.build import build_model
from kerascnn.recipe import Recipe, load_recipe
from kerascnn.training import measured_computation
from kerascnn.training.computation import Computation
from kerascnn.training.device import Device
from kerascnn.training.measured_computation import (
    HALF,
    MARGIN,
    PRODUCTS,
    Finding,
    choose_by_measuring,
    computation_of,
    expected_seconds,
    measure,
    measuring_seconds,
    ways_of,
)
from kerascnn.training.session import assemble

PLAIN = Device("cpu", "for a test", bfloat16_units=False, explicit=False)
# Large enough for dropout and batch normalisation, and small enough to be measured in a second.
SMALL = {
    "model": {"name": "mlp", "hidden": [32], "dropout": 0.5},
    "data": {"name": "digits", "image_size": 8},
    "training": {"batch_size": 64, "device": "cpu", "early_stopping": None},
}


def _recipe(*settings: str) -> Recipe:
    return load_recipe(SMALL, settings)


LONG = _recipe("training.epochs=1000000000")


@pytest.fixture(autouse=True)
def _nothing_remembered(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    # Another test's run may have made this process deterministic, where nothing is measured.
    monkeypatch.setattr(measured_computation, "ops_are_deterministic", lambda: False)
    clear(["speeds"])
    yield
    clear(["speeds"])


@pytest.fixture(scope="module")
def digits() -> ImageData:
    return load(LONG.data)


def _chosen(
    recipe: Recipe, data: ImageData, device: Device = PLAIN
) -> tuple[Computation, list[str]]:
    network = build_model(
        recipe.model, input_shape=data.image_shape, classes=len(data.classes), abstract=True
    )
    lines: list[str] = []
    analysis = analyze(network)
    found, _ = choose_by_measuring(recipe, data, network, analysis, device, lines.append)
    return found, lines


@pytest.mark.parametrize(
    ("turns", "ratio", "steady"),
    [
        ([(2.0, 1.0), (6.0, 3.0), (2.0, 1.0)], 2.0, True),  # all beside other work, once
        ([(2.0, 1.0), (9.0, 1.0), (1.0, 1.0)], 2.0, False),
        ([(1.0, 1.0), (1.05, 1.0), (1.09, 1.0)], 1.05, True),
        ([(1.0, 4.0)], 0.25, True),
    ],
)
def test_turns_are_judged_one_by_one(turns, ratio, steady) -> None:
    finding = Finding({HALF: tuple(turns)})
    assert finding.ratios == {HALF: pytest.approx(ratio)}
    assert finding.steady == steady


def test_all_ways_have_to_agree_with_themselves_alone() -> None:
    finding = Finding({HALF: ((1.0, 4.0),), PRODUCTS: ((1.2, 1.0), (1.3, 1.0))})
    assert finding.steady
    assert finding.ratios == {HALF: 0.25, PRODUCTS: 1.25}


@pytest.mark.parametrize(
    ("ratio", "says"),
    [
        (1.68, "mixed bfloat16 (1.68 times float32 here)"),
        (MARGIN, "mixed bfloat16 (1.10 times float32 here)"),
        (1.09, "float32 (mixed bfloat16: 1.09 times float32 here)"),
        (0.2, "float32 (mixed bfloat16: 0.20 times float32 here)"),
        (0.0, "float32 (the network does not compute in mixed bfloat16)"),
    ],
)
def test_float32_is_left_for_a_clear_gain_alone(ratio, says) -> None:
    assert str(computation_of({HALF: ratio})) == says


@pytest.mark.parametrize(
    ("half", "products", "says"),
    [
        (1.5, 1.2, "mixed bfloat16 (1.50 times float32 here)"),
        (0.2, 1.2, "float32, gradients by products (1.20 times float32 here)"),
        (
            0.2,
            0.9,
            "float32 (mixed bfloat16: 0.20, gradients by products: 0.90 times float32 here)",
        ),
        (0.0, 0.9, "float32 (gradients by products: 0.90 times float32 here)"),
    ],
)
def test_the_fastest_way_is_taken(half, products, says) -> None:
    found = computation_of({HALF: half, PRODUCTS: products})
    assert str(found) == says
    assert found.products == (products == 1.2 and half < 1)


def test_a_run_is_as_long_as_its_arithmetic_or_its_clock(digits) -> None:
    recipe = _recipe("training.epochs=10", "training.threads=2", "training.batch_size=100")
    network = build_model("mlp", input_shape=(8, 8, 1), classes=10, hidden=[32], abstract=True)
    analysis = analyze(network)
    seconds = 140 * 3 * 100 * (64 * 32 + 32 * 10) / 4e10  # of 14 steps an epoch
    assert expected_seconds(recipe, digits, analysis) == pytest.approx(seconds)
    clock = recipe.with_training(time_limit=1e-6)
    assert expected_seconds(clock, digits, analysis) == 1e-6
    clock = recipe.with_training(epochs=None, time_limit=1000)
    assert expected_seconds(clock, digits, analysis) == 1000
    step = seconds / 140
    assert measuring_seconds(recipe, analysis, 1) == pytest.approx(
        2 + 0.15 * len(analysis.rows) + 4 * step + 2 * 5 * 0.3
    )


@pytest.mark.parametrize("name", ["digits-quick", "lenet5-mnist"])
def test_short_recipes_measure_nothing(name, digits) -> None:
    recipe = load_recipe(name, ["data={name: digits}", "model={name: mlp}"])
    found, lines = _chosen(recipe, digits)
    assert str(found) == "float32 (the run is too short to measure what is faster)"
    assert not lines
    assert not entries(["speeds"])


def test_matrix_units_are_believed_in_where_the_run_is_short(digits) -> None:
    units = replace(PLAIN, bfloat16_units=True)
    found, _ = _chosen(_recipe("training.epochs=1", "model.hidden=[64]"), digits, units)
    assert found.reason == "64 channels gain from the processor's matrix units for it"


@pytest.mark.parametrize(
    ("settings", "device", "says"),
    [
        (["training.precision=float32"], PLAIN, "float32 (as asked)"),
        (["training.deterministic=true"], PLAIN, "float32 (the processor has no bfloat16 matrix"),
        ([], replace(PLAIN, name="gpu:0"), "float32 (the GPU has no bfloat16 matrix units)"),
    ],
)
def test_what_is_never_measured(settings, device, says, digits) -> None:
    found, lines = _chosen(_recipe("training.epochs=1000000000", *settings), digits, device)
    assert str(found).startswith(says)
    assert not lines


def test_where_memory_is_short_nothing_is_measured(digits, monkeypatch) -> None:
    monkeypatch.setattr(measured_computation, "_free_memory", lambda: 2**10)
    found, lines = _chosen(LONG, digits)
    assert str(found) == "float32 (too little memory is free to measure what is faster)"
    assert not lines


def test_it_is_measured_once_for_each_kind_of_run(digits, monkeypatch) -> None:
    turns = [((1.7, 1.0),), ((1.0, 2.0),), ((1.0, 1.0), (2.0, 1.0), (3.0, 1.0))]
    found = (Finding({HALF: taken}) for taken in turns)
    monkeypatch.setattr(measured_computation, "measure", lambda *_: next(found))
    first, lines = _chosen(LONG, digits)
    assert str(first) == "mixed bfloat16 (1.70 times float32 here)"
    assert lines == ["measuring whether mixed bfloat16 is faster here than float32: some 5 s, once"]
    again, lines = _chosen(LONG.with_training(seed=7), digits)
    assert str(again).startswith("mixed bfloat16 (1.70 times float32 here, as measured on 20")
    assert not lines
    brief, _ = _chosen(LONG.with_training(epochs=1), digits)
    assert brief == again, "also where it would be too short to measure"
    smaller, lines = _chosen(LONG.with_training(batch_size=32), digits)
    assert str(smaller) == "float32 (mixed bfloat16: 0.50 times float32 here)"
    assert len(lines) == 1
    assert len(entries(["speeds"])) == 2
    unsteady, _ = _chosen(LONG.with_training(batch_size=16), digits)
    assert unsteady.policy == "mixed_bfloat16"
    assert len(entries(["speeds"])) == 2, "what the turns did not agree on is measured again"


class _AfterTwo(keras.callbacks.Callback):
    """Ends a run after two epochs."""

    def on_epoch_end(self, epoch, logs=None):
        self.model.stop_training = epoch == 1


def _drawn() -> tuple[float, float, str]:
    """What this thread's own streams and names give next; gone through once."""
    layer = keras.layers.Dense(1)
    return random.random(), float(keras.random.uniform(())), layer.name.rstrip("0123456789")


@pytest.mark.ci
def test_a_run_is_bit_for_bit_as_if_nothing_had_been_measured(digits) -> None:
    """Weights, optimizer, dropout, order of the images, and names."""
    ends: list[Any] = []
    for measures in (True, False):
        lines: list[str] = []
        keras.utils.clear_session()
        computation = None if measures else ends[0][0]
        session = assemble(LONG, computation=computation, measures=measures, report=lines.append)
        assert any(line.startswith("measuring whether") for line in lines) == measures
        outcome = session.fit([_AfterTwo()], report=None)
        assert len(outcome.history["loss"]) == 2
        variables = [*session.model.variables, *session.model.optimizer.variables]
        values = [variable.numpy() for variable in variables]
        # The number behind an automatic name counts what this process has made of its kind.
        names = [re.sub(r"_\d+(?=/)", "", variable.path) for variable in session.model.variables]
        ends.append((session.computation, names, outcome.history["loss"], values, _drawn()))
    (_, names, losses, values, drawn), (_, *others) = ends
    assert [names, losses, drawn] == [others[0], others[1], others[3]]
    for one, two in zip(values, others[2], strict=True):
        np.testing.assert_array_equal(one, two)


def test_measuring_changes_no_policy_and_gives_a_ratio(digits) -> None:
    finding = measure(LONG, digits, PLAIN, [HALF])
    assert 0 < finding.ratios[HALF] < 100
    assert keras.config.dtype_policy().name == "float32"


def test_a_network_that_is_of_float32_stays_so(digits, tmp_path: Path) -> None:
    file = tmp_path / "own.py"
    file.write_text(
        "import keras\n"
        "class Strict(keras.layers.Layer):\n"
        "    def call(self, x):\n"
        "        if x.dtype != 'float32':\n"
        "            raise ValueError('float32 alone')\n"
        "        return x\n"
        "def net(x, classes):\n"
        "    x = Strict(name='strict')(keras.layers.Flatten(name='flat')(x))\n"
        "    return keras.layers.Dense(classes, name='fc')(x)\n"
    )
    recipe = load_recipe(SMALL | {"model": {"name": f"{file}:net"}})
    finding = measure(recipe, digits, PLAIN, [HALF])
    assert finding == Finding({HALF: ()})
    assert finding.steady
    assert finding.ratios == {HALF: 0.0}


def test_an_interruption_ends_it(digits, monkeypatch) -> None:
    steps = []

    def seconds(self: Any, count: int = 1) -> float:
        steps.append(count)
        if len(steps) == 1:
            signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)
        return step(self, count)

    step = measured_computation._Candidate.seconds
    monkeypatch.setattr(measured_computation._Candidate, "seconds", seconds)
    with pytest.raises(KeyboardInterrupt):
        measure(LONG, digits, PLAIN, [HALF])
    assert len(steps) < 4


def test_too_large_a_batch_is_left_to_the_run_to_tell(digits, monkeypatch) -> None:
    def fails(*_: object) -> Finding:
        raise tf.errors.ResourceExhaustedError(None, None, "no memory")

    monkeypatch.setattr(measured_computation, "measure", fails)
    assert _chosen(LONG, digits)[0].policy == "float32"


def test_gradients_by_products_are_tried_where_convolutions_are_wide() -> None:
    wide = build_model("convnet", input_shape=(8, 8, 1), classes=10, abstract=True, filters=64)
    assert ways_of(wide) == (HALF, PRODUCTS)
    narrow = build_model("lenet5", input_shape=(28, 28, 1), classes=10, abstract=True)
    assert ways_of(narrow) == (HALF,)


@pytest.mark.ci
def test_gradients_by_products_are_timed(digits) -> None:
    recipe = load_recipe(SMALL | {"model": {"name": "convnet", "filters": 64, "dense": [16]}})
    finding = measure(recipe, digits, PLAIN, [PRODUCTS])
    assert 0 < finding.ratios[PRODUCTS] < 100
