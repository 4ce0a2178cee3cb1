"""Registered networks, counted."""

from __future__ import annotations

import time

import pytest

from kerascnn.arithmetic import analyze
from kerascnn.errors import UserError
from kerascnn.models.build import build_model
from kerascnn.models.summary import summarize


def test_the_papers_own_size_unless_another_is_asked_for() -> None:
    assert summarize("lenet5")["images"].output_shape == (32, 32, 1)
    assert summarize("lenet5", input_shape=(28, 20, 3))["images"].output_shape == (28, 20, 3)
    other = summarize("lenet5", classes=7)
    assert other["output"].output_shape == (7,)
    assert summarize("lenet5").parameters - other.parameters == 3 * 85  # of ten classes


def test_it_counts_what_is_built() -> None:
    built = build_model("mlp", input_shape=(8, 9, 1), classes=4, hidden=(6, 5))
    found = summarize("mlp", input_shape=(8, 9, 1), classes=4, hidden=(6, 5))
    assert found.rows == analyze(built).rows
    assert found.parameters == built.count_params() == 72 * 6 + 6 + 6 * 5 + 5 + 5 * 4 + 4


def test_weights_of_a_terabyte_need_no_memory() -> None:
    start = time.perf_counter()
    assert summarize("mlp", hidden=(10**9,)).parameters == 784 * 10**9 + 10**9 + 10**10 + 10
    assert time.perf_counter() - start < 5


@pytest.mark.parametrize(
    ("name", "fields", "message"),
    [
        ("lenet6", {}, "unknown model 'lenet6': did you mean lenet5"),
        ("lenet5", {"filtres": 3}, "unknown field 'filtres'"),
        ("lenet5", {"classes": 1}, "classes: got 1, must be at least 2"),
        ("lenet5", {"input_shape": (5, 5, 1)}, "the smallest input is 12x12"),
    ],
)
def test_mistakes(name: str, fields: dict, message: str) -> None:
    with pytest.raises(UserError, match=message):
        summarize(name, **fields)
