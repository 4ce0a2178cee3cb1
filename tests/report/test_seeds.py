"""Runs of one recipe, taken together."""

from __future__ import annotations

import math

import numpy as np
import pytest

from kerascnn.report.seeds import Group, by_recipe, number
from kerascnn.tracking import Run


def _run(name: str, params: dict[str, str], fingerprint: str = "f", **metrics: float) -> Run:
    tags = {"data_fingerprint": fingerprint}
    return Run(name * 32, name, "FINISHED", 0.0, params, metrics, tags)


def _seed(number: int, **others: str) -> dict[str, str]:
    return {"training.seed": str(number), "model.name": "mlp", **others}


def test_only_the_seed_may_differ() -> None:
    runs = [
        _run("a", _seed(0)),
        _run("b", _seed(1, **{"model.name": "lenet5"})),
        _run("c", _seed(2, device="gpu", macs="5")),
        _run("d", _seed(3), fingerprint="g"),
        _run("e", _seed(0)),
    ]
    groups = by_recipe(runs)
    assert [[run.name for run in group.runs] for group in groups] == [["a", "c", "e"], ["b"], ["d"]]
    assert [group.name for group in groups] == ["a and 2 more", "b", "d"]


def test_mean_and_deviation_are_those_of_a_sample() -> None:
    values = [0.97, 0.98, 0.96]
    group = Group([_run("a", _seed(0), test_accuracy=v) for v in values] + [_run("b", _seed(1))])
    spread = group.spread("test_accuracy")
    assert spread is not None
    assert spread.count == 3
    assert spread.mean == pytest.approx(0.97)
    assert spread.deviation == pytest.approx(np.std(values, ddof=1)) == pytest.approx(0.01)
    assert group.spread("test_loss") is None
    alone = Group([_run("a", _seed(0), test_accuracy=0.5)]).spread("test_accuracy")
    assert alone is not None
    assert math.isnan(alone.deviation)


def test_numbers_among_metrics_and_params() -> None:
    run = _run("a", {"macs": "12", "model.name": "mlp"}, loss=math.nan, train_seconds=0.0)
    names = ("macs", "train_seconds", "loss", "model.name", "none")
    assert [number(run, name) for name in names] == [12, 0, None, None, None]
