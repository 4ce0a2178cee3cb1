"""Ranges of fields: what they hold, and how KerasTuner draws from them."""

from __future__ import annotations

import keras_tuner
import numpy as np
import pytest
import yaml

from kerascnn.errors import UserError
from kerascnn.tuning.ranges import Choice, Fixed, Integers, Range, Reals, as_text


@pytest.mark.parametrize(
    "value",
    [1, 1.5, 1e-5, 1e20, True, None, "relu", "no", "1e-5", "", [], [64, 32], [64] * 40, {"a": [1]}],
)
def test_values_are_one_line_of_yaml_that_reads_back(value: object) -> None:
    text = as_text(value)
    assert "\n" not in text
    assert yaml.safe_load(text) == value
    assert type(yaml.safe_load(text)) is type(value)


def test_small_numbers_are_numbers_to_yaml() -> None:
    assert as_text(1e-5) == "1.0e-05"  # YAML 1.1 takes 1e-05 for a string


@pytest.mark.parametrize(
    ("given", "kind", "points"),
    [
        ({"fixed": [3, 4]}, Fixed, ([3, 4],)),
        ({"fixed": None}, Fixed, (None,)),
        ({"choice": [[], [64], "a"]}, Choice, ([], [64], "a")),
        ({"int": [1, 9], "step": 2}, Integers, (1, 9)),
        ({"float": [0, 1]}, Reals, (0.0, 1.0)),
    ],
)
def test_the_key_tells_the_kind(given: dict, kind: type[Range], points: tuple) -> None:
    found = Range.of(given)
    assert type(found) is kind
    assert found.points == points
    assert Range.of(found.model_dump(mode="json", by_alias=True, exclude_defaults=True)) == found


@pytest.mark.parametrize(
    ("given", "inside", "outside"),
    [
        ({"fixed": 3}, [3], [4, "3"]),
        ({"choice": ["a", [1, 2]]}, ["a", [1, 2]], ["b", [1], 1]),
        ({"int": [2, 8]}, [2, 5, 8], [1, 9, 3.5, "3"]),
        ({"int": [2, 8], "step": 3}, [2, 5, 8], [3, 7]),
        ({"float": [0, 1]}, [], [0.0, 0.5, 1.0]),  # no condition could be met by chance
    ],
)
def test_what_a_condition_may_name(given: dict, inside: list, outside: list) -> None:
    found = Range.of(given)
    assert [value for value in [*inside, *outside] if found.holds(value)] == inside


def test_conditions_are_lists_of_values() -> None:
    found = Range.of({"int": [1, 3], "when": {"a": True, "b": [1, 2], "c": [[1], [2]]}})
    assert found.when == {"a": (True,), "b": (1, 2), "c": ([1], [2])}


def _draws(given: dict, count: int = 200) -> list:
    space = keras_tuner.HyperParameters()
    Range.of(given).declare(space, "x")
    (hyperparameter,) = space.space
    return [hyperparameter.random_sample(seed) for seed in range(count)]


def test_whole_numbers_are_drawn_from_end_to_end() -> None:
    assert set(_draws({"int": [3, 6]})) == {3, 4, 5, 6}
    assert set(_draws({"int": [2, 9], "step": 3})) == {2, 5, 8}
    assert set(_draws({"int": [2, 32], "step": 2, "log": True})) == {2, 4, 8, 16, 32}


def test_real_numbers_are_uniform_or_their_logarithm_is() -> None:
    drawn = np.array(_draws({"float": [1, 3]}))
    assert (drawn.min(), drawn.max()) == pytest.approx((1, 3), abs=0.05)
    assert drawn.mean() == pytest.approx(2, abs=0.15)
    drawn = np.log10(_draws({"float": [1e-4, 1e-2], "log": True}))
    assert (drawn.min(), drawn.max()) == pytest.approx((-4, -2), abs=0.05)
    assert drawn.mean() == pytest.approx(-3, abs=0.15)
    assert set(np.round(_draws({"float": [0, 0.5], "step": 0.25}), 6)) == {0, 0.25, 0.5}


def test_choices_are_drawn_as_text_whatever_they_are() -> None:
    drawn = set(_draws({"choice": [[], [64, 32], None, True]}))
    assert drawn == {"[]", "[64, 32]", "null", "true"}


def test_what_is_fixed_is_not_drawn() -> None:
    space = keras_tuner.HyperParameters()
    Range.of({"fixed": 3}).declare(space, "x")
    assert space.space == []


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"int": [1, 2], "float": [1, 2]}, r"got {float: \[1, 2\], int: \[1, 2\]}, must be one of"),
        ({}, "got {}, must be one of {int"),
        (3, "got 3, must be one of"),
        ({"int": [1, 2, 3]}, "int.2|int: "),
        ({"int": [2, 1]}, r"got \[2, 1\], upside down"),
        ({"float": [0, 1], "step": 0}, "step: got 0, should be greater than 0"),
        ({"float": [1, 2], "log": True, "step": 1}, "got step 1.0, must be over 1"),
        ({"choice": [1, 1.0, 1]}, "must be two or more different values"),
        ({"fixed": 1, "step": 2}, "unknown field 'step'"),
    ],
)
def test_mistakes(given: object, message: str) -> None:
    with pytest.raises(UserError, match=message):
        Range.of(given)
