"""Every kind of picture and every demo is there, says what it shows, and what its options do."""

from __future__ import annotations

from pathlib import Path

import pytest

from kerascnn.errors import UserError
from kerascnn.visualization.contents import DEMOS, KINDS
from kerascnn.visualization.kinds import Demo, Kind, demo

BOTH = [*(Kind.of_name(name) for name in KINDS), *(Demo.of_name(name) for name in DEMOS)]


@pytest.mark.parametrize("kind", BOTH, ids=lambda kind: kind.kind)
def test_a_kind_needs_no_option_and_every_option_is_described(kind: type[Kind | Demo]) -> None:
    lines = KINDS if issubclass(kind, Kind) else DEMOS
    assert kind.kind in lines
    assert (kind.__doc__ or "").splitlines()[0] == lines[str(kind.kind)]
    kind()
    for name, field in kind.model_fields.items():
        assert name == "name" or field.description, f"{kind.kind} {name}"


def test_all_of_them_are_listed() -> None:
    assert Kind.names() == list(KINDS)
    assert Demo.names() == list(DEMOS)


def test_a_demo_takes_no_more_images_than_it_shows(workplace: Path) -> None:
    with pytest.raises(UserError, match=r"^activations: takes no image, got 1: a.png"):
        demo("activations", ["a.png"])
    with pytest.raises(UserError, match=r"^unknown demo 'dropuot': did you mean dropout"):
        demo("dropuot")
