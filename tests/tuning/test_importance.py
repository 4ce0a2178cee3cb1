from __future__ import annotations

import numpy as np
import pytest

from kerascnn.cache import clear, entries
from kerascnn.tuning.importance import Importance, measure


def _columns(trials: int) -> dict[str, np.ndarray]:
    random = np.random.default_rng(0)
    return {name: random.uniform(size=trials) for name in ("decides", "helps", "noise")}


def _measured(
    columns: dict[str, np.ndarray], objective: np.ndarray, beside: np.ndarray
) -> Importance:
    importance = measure(columns, objective, beside=beside)
    assert importance is not None
    return importance


def test_fields_are_ranked_by_what_they_do():
    columns = _columns(40)
    objective = 4 * columns["decides"] + columns["helps"]
    importance = _measured(columns, objective, beside=np.ones(40))
    assert list(importance.shares) == ["decides", "helps", "noise"]
    assert sum(importance.shares.values()) == pytest.approx(1)
    assert importance.shares["decides"] > 0.7
    assert importance.explained > 0.6


def test_what_was_found_is_remembered():
    columns, beside = _columns(12), np.ones(12)
    clear(["importance"])
    first = _measured(columns, columns["helps"], beside)
    again = _measured(columns, columns["helps"], beside)
    assert again == first
    assert list(again.shares) == list(first.shares)
    assert len(entries(["importance"])) == 1
    assert _measured(columns, columns["decides"], beside) != first
    assert len(entries(["importance"])) == 2


def test_one_trial_that_went_astray_changes_nothing():
    columns = _columns(40)
    objective = columns["decides"].copy()
    objective[columns["decides"].argmin()] = -1000
    assert _measured(columns, objective, beside=np.ones(40)).shares["decides"] > 0.8


def test_chance_explains_nothing():
    columns = _columns(40)
    objective = np.random.default_rng(1).uniform(size=40)
    assert _measured(columns, objective, beside=np.ones(40)).explained < 0.2


def test_epochs_take_their_part_away_from_the_fields():
    columns = _columns(40)
    epochs = np.where(np.arange(40) % 2, 10.0, 2.0)
    columns["noise"] = epochs + 0.1 * columns["noise"]  # searched longer where it was larger
    without = _measured(columns, epochs + columns["decides"], beside=np.ones(40))
    beside = _measured(columns, epochs + columns["decides"], beside=epochs)
    assert beside.shares["noise"] < without.shares["noise"]


def test_values_that_some_trials_do_not_have():
    columns = _columns(40)
    columns["helps"][::2] = np.nan
    objective = np.where(np.isnan(columns["helps"]), 0.0, 1.0) + 0.01 * columns["noise"]
    assert next(iter(_measured(columns, objective, beside=np.ones(40)).shares)) == "helps"


def test_too_little_to_say():
    columns = _columns(7)
    assert measure(columns, columns["helps"], beside=np.ones(7)) is None
    columns = _columns(20)
    assert measure(columns, np.ones(20), beside=np.ones(20)) is None
