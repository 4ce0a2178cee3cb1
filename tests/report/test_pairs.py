"""Which runs can be tested in pairs, and what is said of the others."""

from __future__ import annotations

import contextlib
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import binomtest

from kerascnn.report.pairs import paired_tests
from kerascnn.tracking import Run, load_run
from tests.report.stored import predictions, store_run


@pytest.fixture(scope="module")
def place(tmp_path_factory) -> Path:
    place = tmp_path_factory.mktemp("pairs")
    wrong = {"good": range(2), "bad": range(1, 31), "middle": range(10)}
    with contextlib.chdir(place):
        for name, rows in wrong.items():
            store_run(name, predictions(rows))
    return place


@pytest.fixture
def three(place, work_in) -> list[Run]:
    work_in(place)
    return [load_run(name) for name in ("good", "bad", "middle")]


def test_every_two_runs_are_tested_the_best_first_and_corrected_together(three) -> None:
    pairs = paired_tests(three)
    assert pairs.best is three[0]
    names = [(pair.first.name, pair.second.name) for pair in pairs.tested]
    assert names == [("good", "middle"), ("good", "bad"), ("middle", "bad")]
    counts = [(len(p.pairing.only_first), len(p.pairing.only_second)) for p in pairs.tested]
    assert counts == [(8, 0), (29, 1), (21, 1)]
    plain = [binomtest(one, one + other, 0.5).pvalue for one, other in counts]
    assert [pair.p_value for pair in pairs.tested] == pytest.approx(plain)
    # By hand: from the smallest to the largest, times 3, 2, 1, and never less than before.
    order = np.argsort(plain)
    corrected = np.maximum.accumulate([plain[i] * f for i, f in zip(order, (3, 2, 1), strict=True)])
    found = [pairs.tested[i].p_corrected for i in order]
    assert found == pytest.approx(corrected.tolist())
    assert (pairs.lacking, pairs.refused) == ([], [])


def test_examples_in_another_order_are_the_same_examples(three) -> None:
    from kerascnn.evaluation.predictions import subset

    found = predictions([1, 2])
    turned = subset(predictions([1]), np.arange(200)[::-1])
    (tested,) = paired_tests([store_run("a", found), store_run("b", turned)]).tested
    assert tested.first.name == "b"
    assert tested.pairing.only_first.size == 1
    assert tested.pairing.only_second.size == 0


def test_other_examples_are_refused_with_how_many_are_shared(three) -> None:
    other = store_run("other", predictions(range(5), range(150, 350)))
    changed = store_run("changed", predictions(range(5), mark="f01"))
    pairs = paired_tests([other, *three, changed])
    assert len(pairs.tested) == 3, "the largest part that has the same examples"
    assert pairs.refused == [
        "runs good and other are of different examples: 200 test images of digits and 200 test "
        "images of digits share 50",
        "runs good and changed are of different examples: 200 test images of digits and 200 test "
        "images of digits share 200 by name, but digits has changed in between",
    ]
    two = paired_tests([other, changed])
    assert (two.tested, two.best) == ([], None)
    assert len(two.refused) == 1


def test_runs_without_predictions_say_what_makes_them(three) -> None:
    old = store_run("old")
    pairs = paired_tests([*three, old])
    assert len(pairs.tested) == len(list(combinations(three, 2)))
    assert pairs.lacking == [
        "run old (FINISHED) has no predictions of its test images: 'kerascnn evaluate old' makes "
        "them"
    ]
    more = paired_tests([old, store_run("older")])
    assert (more.tested, more.best, more.refused) == ([], None, [])
    assert more.lacking == [
        "2 runs have no predictions of their test images (old, older): 'kerascnn evaluate RUN' "
        "makes them, for each"
    ]


def test_a_damaged_table_is_no_reason_to_stop(three) -> None:
    file = three[2].artifact("predictions_test.parquet")
    content = file.read_bytes()
    file.write_bytes(b"PAR1")
    pairs = paired_tests(three)
    file.write_bytes(content)
    assert len(pairs.tested) == 1
    (line,) = pairs.lacking
    assert line.startswith("run middle: ")
    assert "is damaged" in line
