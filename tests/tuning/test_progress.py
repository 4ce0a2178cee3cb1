from __future__ import annotations

import pytest
from rich.console import Console

from kerascnn.recipe import load_recipe
from kerascnn.tuning.plan import Plan
from kerascnn.tuning.progress import View
from kerascnn.tuning.space import SpaceSpec
from kerascnn.tuning.spec import SweepSpec


@pytest.fixture
def plan() -> Plan:
    recipe = load_recipe({"model": {"name": "mlp"}, "data": {"name": "digits"}})
    space = SpaceSpec(ranges={"optimizer.learning_rate": {"float": [0.001, 0.01]}})
    return Plan(recipe, space, SweepSpec(trials=5, max_epochs=9))


def values(rate: float, epochs: int) -> dict:
    return {"optimizer.learning_rate": rate, "tuner/epochs": epochs, "tuner/round": 0}


def play(view: View) -> None:
    view.started(1, values(0.00123456, 1))
    view.epoch(1, 1, {"val_accuracy": 0.99})
    view.ended(1, 0.99, None)
    view.started(2, values(0.002, 9))
    view.ended(2, 0.75, None)
    view.started(3, values(0.003, 9))
    view.ended(3, None, "out of memory")
    view.started(4, values(0.004, 9))
    view.epoch(4, 3, {"val_accuracy": 0.5})


def test_lines(plan: Plan) -> None:
    lines: list[str] = []
    with View(plan, report=lines.append) as view:
        play(view)
        view.dropped(4, "it was lost")
    assert lines == [
        "trial 1/5  validation_accuracy 99.00% (brief, 1 epochs)  0s  | learning_rate=0.00123",
        # A brief trial is no best: it was trained on less.
        "trial 2/5  validation_accuracy 75.00%  0s  best 75.00% (2)  | learning_rate=0.002",
        "trial 3/5  failed: out of memory  0s  best 75.00% (2)  | learning_rate=0.003",
        "trial 4: it was lost",
    ]


def test_the_fold_that_is_being_trained() -> None:
    recipe = load_recipe({"model": {"name": "mlp"}, "data": {"name": "digits", "folds": 4}})
    space = SpaceSpec(ranges={"optimizer.learning_rate": {"float": [0.001, 0.01]}})
    view = View(Plan(recipe, space, SweepSpec(trials=5, max_epochs=9)), report=lambda line: None)
    view.started(1, values(0.002, 9))
    view.fold(1, 1)
    view.epoch(1, 9, {"val_accuracy": 0.75})
    view.fold(1, 2)
    view.epoch(1, 3, {})
    console = Console(width=100)
    with console.capture() as captured:
        console.print(view._table())
    assert "fold 2/4 epoch 3/9" in captured.get()
    assert "75.00%" not in captured.get(), "of the fold before"
    assert "folds_accuracy" in captured.get()


@pytest.mark.parametrize("width", [80, 100, 120])
def test_table(plan: Plan, width: int) -> None:
    view = View(plan, report=lambda line: None)
    play(view)
    console = Console(width=width)
    with console.capture() as captured:
        console.print(view._table())
    text = captured.get()
    assert max(map(len, text.splitlines())) <= width
    assert text.split()[:4] == ["trial", "validation_accuracy", "time", "values"]
    assert "2 done, 1 running, 1 failed of 5; best 75.00% (trial 2); 0s left" in text
    (running,) = [line for line in text.splitlines() if "epoch 3/9" in line]
    assert "50.00%" in running
    assert [line for line in text.splitlines() if "brief" in line and "99.00%" in line]
    assert [line for line in text.splitlines() if "failed" in line and "out of memory" in line]
