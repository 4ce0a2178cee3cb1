"""What is said of a name that is not known."""

from __future__ import annotations

import pytest

from kerascnn.errors import TrainingError, UserError, closest, unknown


@pytest.mark.parametrize(
    ("name", "known", "hint", "message"),
    [
        ("lenet6", ["vgg16", "lenet5"], "", "unknown model 'lenet6': did you mean lenet5?"),
        ("LeNet5", ["vgg16", "lenet5"], "", "unknown model 'LeNet5': did you mean lenet5?"),
        ("x", ["b", "a"], "", "unknown model 'x': known: a, b."),
        ("x", ["b", "a"], "Look.", "unknown model 'x': known: a, b. Look."),
        ("x", map(str, range(13)), "Look.", "unknown model 'x': Look."),  # too many to list
        ("x", [], "", "unknown model 'x'"),
        ("x" * 5000, ["a"], "", f"unknown model '{'x' * 100}...': known: a."),
        (3, ["a"], "", "unknown model '3': known: a."),
    ],
)
def test_the_closest_names_or_all_of_few(name, known, hint, message) -> None:
    error = unknown("model", name, known, hint=hint)
    assert isinstance(error, UserError)
    assert str(error) == message


@pytest.mark.parametrize(
    ("name", "known", "close"),
    [
        ("tyni", ["first", "tiny"], ["tiny"]),
        ("nte", ["net", "other"], ["net"]),
        ("ent", ["net"], ["net"]),
        ("nets", ["net"], ["net"]),
        ("fc3", ["conv1", "fc1", "fc2"], ["fc1", "fc2"]),
        ("fc12", ["fc1", "pool"], ["fc1"]),
        ("mpl", ["mlp", "vgg16"], ["mlp"]),
        ("adm", ["adam", "sgd"], ["adam"]),
        ("--ouy", ["--out", "--help"], ["--out"]),
        # Two slips in a short name, or one in a very short one, are another name.
        ("etn", ["net"], []),
        ("cf3", ["fc1"], []),
        ("lr", ["l2"], []),
        ("xz", ["xy", "zx"], []),
        ("abc", ["bca", "xyc"], []),
    ],
)
def test_one_slip_in_a_short_name(name: str, known: list[str], close: list[str]) -> None:
    assert closest(name, known) == close


@pytest.mark.parametrize(
    ("name", "known", "close"),
    [
        ("--lr", ["--help", "--out", "--seed"], []),
        ("--lr", ["--help", "--learning-rate"], ["--learning-rate"]),
        ("optimizer.lr", ["optimizer.l2", "optimizer.learning_rate"], ["optimizer.learning_rate"]),
        ("optimizer.lr", ["l2"], []),
        ("efficientnetb0", ["cifar-resnet20", "lenet5"], []),
        ("ResNet50", ["resnet50", "resnet18"], ["resnet50"]),
        ("quite-another", ["lenet5", "net", "fc1"], []),
    ],
)
def test_nothing_is_suggested_that_is_far_away(name: str, known, close: list[str]) -> None:
    assert closest(name, known) == close


def test_three_are_suggested_at_most() -> None:
    text = str(unknown("model", "vgg1", [f"vgg1{n}" for n in range(9)]))
    assert text.count("vgg1") == 1 + 3


def test_what_callers_may_catch_them_as() -> None:
    assert issubclass(UserError, ValueError)
    assert issubclass(TrainingError, RuntimeError)
    assert not issubclass(TrainingError, UserError)
