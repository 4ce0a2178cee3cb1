"""Two models on the same examples, against SciPy and by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from kerascnn.evaluation.measures import Estimate
from kerascnn.evaluation.pairing import (
    DifferentExamplesError,
    Pairing,
    holm,
    pair,
    percentage_points,
    shared_examples,
)
from kerascnn.evaluation.predictions import Predictions, from_logits, subset


def _predictions(
    right: list[bool], examples: list[str] | None = None, data: str = "digits", mark: str = "f"
) -> Predictions:
    """Of two classes; the true one is always the first."""
    logits = np.where(np.array(right)[:, None], [[2.0, 0.0]], [[0.0, 2.0]])
    count = len(right)
    return from_logits(
        logits, np.zeros(count, int), ["a", "b"], examples=examples or [*map(str, range(count))],
        dimensions=np.full((count, 2), 8), data=data, fingerprint=mark, split="test",
    )  # fmt: skip


def _counted(both: int, first: int, second: int, neither: int = 0) -> Pairing:
    return pair(
        _predictions([True] * (both + first) + [False] * (second + neither)),
        _predictions([True] * both + [False] * first + [True] * second + [False] * neither),
    )


def test_the_disagreements_are_found_and_counted() -> None:
    found = pair(_predictions([True, True, False, False]), _predictions([True, False, True, False]))
    assert (found.only_first.tolist(), found.only_second.tolist()) == ([1], [2])
    assert found.size == 4
    assert found.difference.value == 0


@pytest.mark.parametrize(("first", "second"), [(1, 9), (9, 1), (5, 5), (30, 50), (0, 6), (1, 0)])
def test_mcnemar_is_the_exact_binomial_test_of_the_disagreements(first: int, second: int) -> None:
    found = _counted(20, first, second, 3)
    expected = stats.binomtest(first, first + second, 0.5).pvalue
    assert found.p_value == pytest.approx(expected, rel=1e-12)


def test_known_values_of_mcnemar() -> None:
    # 1 of 10: 2 * (1 + 10) / 2**10; 0 of 6: 2 / 2**6.
    assert _counted(5, 1, 9).p_value == pytest.approx(22 / 1024)
    assert _counted(5, 0, 6).p_value == pytest.approx(1 / 32)
    same = _counted(5, 0, 0, 2)
    assert same.p_value == 1
    assert same.difference.value == 0
    assert math.isnan(same.difference.low)


def test_the_interval_is_that_of_a_paired_bootstrap() -> None:
    found = _counted(150, 30, 12, 8)
    assert found.difference.value == pytest.approx(18 / 200)
    expected = stats.bootstrap(
        (found.first.correct.astype(float), found.second.correct.astype(float)),
        lambda a, b, axis: a.mean(axis) - b.mean(axis),
        paired=True, vectorized=True, method="percentile", n_resamples=2000,
        rng=np.random.default_rng(1),
    ).confidence_interval  # fmt: skip
    assert found.difference.low == pytest.approx(expected.low, abs=0.01)
    assert found.difference.high == pytest.approx(expected.high, abs=0.01)
    assert found.difference == _counted(150, 30, 12, 8).difference, "seeded"


def test_the_interval_covers_the_truth_in_95_of_100() -> None:
    random = np.random.default_rng(0)
    shares = np.array([0.85, 0.08, 0.04, 0.03])
    inside = 0
    for _ in range(200):
        interval = _counted(*random.multinomial(500, shares)).difference
        inside += interval.low <= 0.04 <= interval.high
    assert 0.91 <= inside / 200 <= 0.98


def test_examples_are_matched_by_what_they_are_called() -> None:
    first = _predictions([True, False, True, True], ["d", "a", "c", "b"])
    order = np.array([2, 0, 3, 1])
    found = pair(first, subset(first, order))
    assert found.second.examples.tolist() == ["d", "a", "c", "b"]
    assert found.p_value == 1
    assert not len(found.only_first)
    twice = pair(_predictions([True, False], ["a", "a"]), _predictions([True, True], ["a", "a"]))
    assert twice.only_second.tolist() == [1], "an image that is listed twice"


def test_different_examples_are_refused_with_how_many_are_shared() -> None:
    first = _predictions([True] * 4, ["a", "b", "c", "d"])
    other = _predictions([True] * 3, ["c", "d", "e"])
    assert shared_examples(first, other) == 2
    with pytest.raises(
        DifferentExamplesError,
        match="^4 test images of digits and 3 test images of digits share 2$",
    ) as refused:
        pair(first, other)
    assert refused.value.shared == 2
    changed = _predictions([True] * 4, ["a", "b", "c", "d"], mark="g")
    with pytest.raises(DifferentExamplesError, match="share 4 by name, but digits has changed"):
        pair(first, changed)
    with pytest.raises(DifferentExamplesError, match="4 test images of mnist share 0$"):
        pair(first, _predictions([True] * 4, ["a", "b", "c", "d"], data="mnist", mark="g"))
    moved = _predictions([True] * 4, ["a", "b", "c", "d"], data="folder:elsewhere")
    assert pair(first, moved).size == 4, "the same images under another path"


def test_holm_by_hand() -> None:
    # Sorted: 0.01*4, 0.02*3 = 0.06, 0.03*2 = 0.06, 0.9*1.
    assert holm([0.03, 0.01, 0.9, 0.02]) == pytest.approx([0.06, 0.04, 0.9, 0.06])
    assert holm([0.02]) == [0.02]
    assert holm([0.8, 0.7]) == [1, 1]
    assert holm([]) == []


def test_differences_in_words() -> None:
    assert percentage_points(Estimate(-0.0125, -0.02, 0.0)) == ("-1.25", "-2.00 to +0.00")
    assert percentage_points(Estimate(0.0)) == ("+0.00", "")
