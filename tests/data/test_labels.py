"""Labels of either kind, by the same functions."""

from __future__ import annotations

import numpy as np
import pytest

from kerascnn.data.labels import (
    are_sets,
    counts,
    having,
    known_rows,
    present,
    renumbered,
    text_of,
)

ONE = np.array([2, 0, 2])
SETS = np.array([[1, 0, 1], [0, 0, 0], [1, 0, 0]], np.float32)


def test_what_they_hold() -> None:
    assert [are_sets(labels) for labels in (ONE, SETS)] == [False, True]
    assert counts(ONE, 4).tolist() == [1, 0, 2, 0]
    assert counts(SETS, 3).tolist() == [2, 0, 1]
    assert [having(labels, 2).tolist() for labels in (ONE, SETS)] == [
        [True, False, True],
        [True, False, False],
    ]
    assert present(ONE) == present(SETS) == {0, 2}


@pytest.mark.parametrize(("label", "text"), [(ONE[0], "2"), (SETS[0], "0|2"), (SETS[1], "")])
def test_the_text_of_a_fingerprint(label: np.ndarray, text: str) -> None:
    assert text_of(label) == text


def test_other_numbers() -> None:
    numbers = np.array([1, -1, 0])  # the second class is not known
    assert known_rows(np.array([0, 1, 2]), numbers).tolist() == [0, 2]
    assert renumbered(ONE, numbers, 2).tolist() == [0, 1, 0]
    assert known_rows(SETS, numbers).tolist() == [0, 1, 2], "an image without a label is one"
    found = renumbered(SETS, numbers, 4)
    assert found.tolist() == [[1, 1, 0, 0], [0, 0, 0, 0], [0, 1, 0, 0]]
    assert found.dtype == np.float32
