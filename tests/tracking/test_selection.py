"""Filtering and sorting runs."""

from __future__ import annotations

import pytest

from kerascnn.errors import UserError
from kerascnn.tracking.runs import Run
from kerascnn.tracking.selection import meeting, select


def _run(name: str, started: float, model: str, **metrics: float) -> Run:
    return Run(f"{name}0" * 4, name, "FINISHED", started, {"model.name": model}, metrics, {})


RUNS = [
    _run("a", 1, "lenet5", test_accuracy=0.97),
    _run("b", 2, "convnet", test_accuracy=0.99),
    _run("c", 3, "lenet5"),
]


def _names(*conditions: str, sort: str = "started", ascending: bool = False) -> str:
    return "".join(run.name for run in select(RUNS, conditions, sort=sort, ascending=ascending))


def test_sorting() -> None:
    assert _names() == "cba"
    assert _names(ascending=True) == "abc"
    assert _names(sort="test_accuracy") == "bac"
    assert _names(sort="test_accuracy", ascending=True) == "abc"
    assert _names(sort="model.name", ascending=True) == "bac"


def test_filters() -> None:
    assert _names("model.name=lenet5") == "ca"
    assert _names("model.name!=lenet5") == "b"
    assert _names("test_accuracy>=0.97", "test_accuracy<0.98") == "a"
    assert _names("name=c") == "c"


def test_what_meets_conditions_stays_in_order() -> None:
    turned = [RUNS[2], RUNS[0], RUNS[1]]
    assert meeting(turned, []) == turned
    assert meeting(turned, ["model.name = lenet5", "started > 0"]) == [RUNS[2], RUNS[0]]


def test_mistakes() -> None:
    with pytest.raises(UserError, match="unknown field 'test_acuracy': did you mean test_accuracy"):
        _names("test_acuracy>1")
    with pytest.raises(UserError, match="unknown field 'modl.name': did you mean model.name"):
        _names(sort="modl.name")
    with pytest.raises(UserError, match="must be FIELD=VALUE"):
        _names("accuracy")
