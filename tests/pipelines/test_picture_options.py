"""The fields of a kind of picture as options: what each type becomes, and how mistakes are told."""

from __future__ import annotations

from typing import ClassVar, Literal

import click
import pytest
from click.testing import CliRunner
from kerascnn_pipelines.picture_options import picture_command
from pydantic import Field

from kerascnn.errors import UserError
from kerascnn.spec import Named


class Shape(Named, what="shape"):
    """A shape."""

    images: ClassVar[int] = 2


class Square(Shape, name="square"):
    """A square.

    With four sides.
    """

    side: int = Field(3, ge=1, description="in pixels")
    scale: float | None = Field(None, description="of it")
    filled: bool = Field(True, description="and not only its edge")
    dotted: bool = Field(False, description="its edge")
    corner: Literal["sharp", "round"] = Field("sharp", description="of the corners")
    label: tuple[str, ...] = Field((), description="in it")


@pytest.fixture
def drawn() -> list[tuple[Square, dict]]:
    return []


@pytest.fixture
def command(drawn: list) -> click.Command:
    return picture_command(
        Square,
        "A square.",
        lambda chosen, **options: drawn.append((chosen, options)),
    )


def test_what_is_not_given_stays_at_its_default(command: click.Command, drawn: list) -> None:
    assert CliRunner().invoke(command, []).exit_code == 0
    ((chosen, options),) = drawn
    assert chosen == Square()
    assert chosen.model_fields_set <= {"name"}
    assert options == {"images": (), "out": None, "npz": None}


def test_every_type_has_its_option(command: click.Command, drawn: list) -> None:
    words = "a.png --side 5 --scale 0.5 --no-filled --dotted --corner round --label x --label y"
    assert CliRunner().invoke(command, words.split()).exit_code == 0
    ((chosen, options),) = drawn
    assert chosen == Square(
        side=5, scale=0.5, filled=False, dotted=True, corner="round", label=("x", "y")
    )
    assert options["images"] == ("a.png",)


def test_the_help_says_all(command: click.Command) -> None:
    text = CliRunner().invoke(command, ["--help"]).output
    for words in (
        "A square.\n",
        "With four sides.",
        "--side INTEGER",
        "In pixels  [default: 3]",
        "--scale NUMBER",
        "--no-filled",
        "--dotted",
        "[sharp|round]",
        "--label TEXT",
        "--npz FILE",
    ):
        assert words in text


def test_a_mistake_is_told_under_the_options_name(command: click.Command) -> None:
    result = CliRunner().invoke(command, ["--side", "0"])
    assert isinstance(result.exception, UserError)
    assert str(result.exception).startswith("--side: got '0', ")
