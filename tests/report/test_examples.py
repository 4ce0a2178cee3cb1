"""Which images a report shows."""

from __future__ import annotations

import numpy as np

from kerascnn.evaluation.predictions import Predictions, from_logits
from kerascnn.report.examples import (
    MOST_RIGHT,
    MOST_WRONG,
    chosen_examples,
    chosen_rows,
)


def _predictions(labels: np.ndarray, answers: np.ndarray, sure: np.ndarray) -> Predictions:
    count = int(max(labels.max(), answers.max())) + 1
    logits = np.zeros((len(labels), count))
    logits[np.arange(len(labels)), answers] = sure
    return from_logits(
        logits,
        labels,
        [f"class {i}" for i in range(count)],
        examples=[str(i) for i in range(len(labels))],
        dimensions=np.full((len(labels), 2), 32),
        data="digits",
        fingerprint="",
        split="test",
    )


def test_wrong_ones_come_first_and_the_worst_before_the_others() -> None:
    labels, answers = np.array([0, 1, 1, 0, 2]), np.array([0, 0, 2, 1, 2])
    found = _predictions(labels, answers, np.array([5.0, 1.0, 4.0, 2.0, 1.0]))
    assert chosen_rows(found) == [2, 3, 1, 4, 0]


def test_a_frequent_mistake_leaves_room_for_the_others() -> None:
    labels = np.zeros(5000, int)
    answers = np.ones(5000, int)
    answers[-3:] = (2, 3, 2)
    sure = np.linspace(9, 1, 5000)
    found = _predictions(labels, answers, sure)
    rows = chosen_rows(found)
    assert {4997, 4998, 4999} < set(rows)
    assert len(rows) == 24 + 3
    assert rows == sorted(rows), "the worst first"


def test_frequent_mistakes_are_there_among_many_rare_ones() -> None:
    """80 classes, each once mistaken for each other one; 79 ten times for 78, and not badly."""
    labels, answers = map(np.ravel, np.indices((80, 80)))
    labels, answers = labels[labels != answers], answers[labels != answers]
    labels, answers = np.append(labels, [79] * 9), np.append(answers, [78] * 9)
    sure = np.linspace(9, 1, len(labels))
    rows = [row for row in chosen_rows(_predictions(labels, answers, sure)) if row < len(labels)]
    assert len(rows) == MOST_WRONG
    assert rows[:250] == list(range(250)), "the worst"
    assert any((labels[row], answers[row]) == (79, 78) for row in rows[250:])


def test_there_is_a_most_of_them() -> None:
    random = np.random.default_rng(0)
    labels, answers = random.integers(0, 60, (2, 30_000))
    answers[::2] = labels[::2]
    rows = np.array(chosen_rows(_predictions(labels, answers, random.uniform(1, 9, 30_000))))
    right = labels[rows] == answers[rows]
    assert (np.sum(~right), np.sum(right)) == (MOST_WRONG, MOST_RIGHT)


def test_each_has_its_picture() -> None:
    labels = np.array([0, 1, 2])
    examples, reason = chosen_examples(_predictions(labels, labels[::-1], np.ones(3)))
    assert reason == ""
    wrong = examples[0]
    assert (wrong.true, wrong.said) == (0, 2)
    assert wrong.picture is not None
    assert wrong.picture.startswith("data:image/png;base64,")
    np.testing.assert_allclose(wrong.likely, np.exp(-wrong.loss))
    assert wrong.confidence > wrong.likely


def test_data_that_is_not_there_is_a_reason() -> None:
    found = _predictions(np.array([0, 1]), np.array([0, 0]), np.ones(2))
    gone = Predictions(**{**vars(found), "data": "kmnist"})
    examples, reason = chosen_examples(gone)
    assert [example.picture for example in examples] == [None, None]
    assert "kmnist" in reason
