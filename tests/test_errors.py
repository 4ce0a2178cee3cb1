"""What is said of a name that is not known."""

from __future__ import annotations

import pytest

from kerascnn.errors import TrainingError, UserError, unknown


@pytest.mark.parametrize(
    ("name", "known", "hint", "message"),
    [
        ("lenet6", ["vgg16", "lenet5"], "", "unknown model 'lenet6': did you mean lenet5?"),
        ("LeNet5", ["vgg16", "lenet5"], "", "unknown model 'LeNet5': did you mean lenet5?"),
        ("x", ["b", "a"], "", "unknown model 'x': known: a, b."),
        ("x", ["b", "a"], "Look.", "unknown model 'x': known: a, b. Look."),
        ("x", map(str, range(13)), "Look.", "unknown model 'x': Look."),  # too many to list
        ("x", [], "", "unknown model 'x'"),
        (3, ["a"], "", "unknown model '3': known: a."),
    ],
)
def test_the_closest_names_or_all_of_few(name, known, hint, message) -> None:
    error = unknown("model", name, known, hint=hint)
    assert isinstance(error, UserError)
    assert str(error) == message


def test_three_are_suggested_at_most() -> None:
    text = str(unknown("model", "vgg1", [f"vgg1{n}" for n in range(9)]))
    assert text.count("vgg1") == 1 + 3


def test_what_callers_may_catch_them_as() -> None:
    assert issubclass(UserError, ValueError)
    assert issubclass(TrainingError, RuntimeError)
    assert not issubclass(TrainingError, UserError)
