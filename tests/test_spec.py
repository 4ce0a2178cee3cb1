"""Specs by name: which class a name stands for, and what is said of a wrong field."""

from __future__ import annotations

from typing import Annotated, Any

import pytest
from pydantic import Field, SerializeAsAny, field_validator

from kerascnn.errors import UserError
from kerascnn.spec import Fault, Named, Spec, SpecError, UnknownNameError


class Shape(Named, what="shape"):
    hint = "'shapes' lists them"

    colour: str = "red"
    corners: int | None = None
    radius: float | None = None


class Square(Shape, name="square"):
    corners: int = 4


class Star(Shape, name="star"):
    corners: int = Field(10, ge=6)
    radius: float = 1.0


class Circle(Shape, name="circle"):
    radius: float


class Sound(Named, what="sound"):
    usual = "beep"


class Beep(Sound, name="beep"):
    hertz: Annotated[int, Field(gt=0)] = 440


class Page(Spec):
    title: str
    shape: SerializeAsAny[Shape] = Shape(name="square")
    more: tuple[SerializeAsAny[Shape], ...] = ()
    lines: int = Field(40, alias="rows")

    @field_validator("title")
    @classmethod
    def _short(cls, title: str) -> str:
        if len(title) > 9:
            raise UserError(f"got '{title}', must be short")
        return title


def test_the_name_chooses_the_class() -> None:
    assert type(Shape(name="square")) is Square
    assert type(Shape.of({"name": "star", "radius": 3})) is Star
    assert type(Sound.of({"hertz": 3})) is Beep
    assert Shape(name="star") == Star() == Shape.of("star")
    assert Shape.names() == ["square", "star", "circle"]
    assert Sound.names() == ["beep"]  # each base has names of its own


def test_a_class_of_its_own_needs_no_name() -> None:
    assert Circle(radius=2).name == "circle"
    assert Circle(radius=2) == Shape(name="circle", radius=2.0)


def test_a_bare_name_stands_for_a_spec_wherever_a_field_has_its_type() -> None:
    page = Page(title="t", shape="star", more=["square", {"name": "circle", "radius": 1}, Star()])
    assert type(page.shape) is Star
    assert [type(shape).__name__ for shape in page.more] == ["Square", "Circle", "Star"]


def test_a_resolved_spec_reads_back_as_itself() -> None:
    page = Page(title="t", shape="star", more=["square"], rows=3)
    values = page.model_dump(mode="json", by_alias=True)
    assert values["shape"] == {"name": "star", "colour": "red", "corners": 10, "radius": 1.0}
    assert Page(**values) == page


def test_what_a_name_does_not_have_may_be_given_as_none() -> None:
    assert Shape(name="square", radius=None) == Square()
    assert Shape(name="square").radius is None


def test_a_field_of_other_names_is_refused_with_those_that_have_it() -> None:
    with pytest.raises(
        UserError,
        match=r"^radius: got 2, but the shape square has none \(only star, circle\): leave it out",
    ):
        Shape(name="square", radius=2)
    with pytest.raises(UserError, match=r"^shape.radius: got 2, but the shape square has none"):
        Page(title="t", shape={"name": "square", "radius": 2})


def test_a_field_that_a_name_requires() -> None:
    with pytest.raises(UserError, match="^radius: is required by the shape 'circle'$"):
        Shape(name="circle")


def test_an_unknown_name_is_told_with_the_closest() -> None:
    with pytest.raises(
        UnknownNameError,
        match="^unknown shape 'squar': did you mean square[?] 'shapes' lists them$",
    ):
        Shape.of("squar")
    with pytest.raises(SpecError, match=r"^unknown shape 'squar': did you mean square"):
        Page(title="t", shape="squar")  # the message says itself what kind of name it is


def test_a_name_that_is_missing_or_none() -> None:
    with pytest.raises(SpecError, match=r"^name: is required$"):
        Shape.of({"colour": "blue"})
    with pytest.raises(SpecError, match=r"^shape.name: got 3$"):
        Page(title="t", shape={"name": 3})


@pytest.mark.parametrize("value", [3, ["square"], {1: "square"}, {"name": "star", 2: 3}])
def test_what_is_neither_name_nor_mapping(value: object) -> None:
    with pytest.raises(UserError, match=r"^got .*, must be a name, or {name: \.\.\., FIELD"):
        Shape.of(value)
    with pytest.raises(UserError, match=r"^more.1: got .*, must be a name, or {name"):
        Page(title="t", more=["square", value])


def test_errors_name_the_whole_path() -> None:
    with pytest.raises(UserError, match=r"^more.1.corners: got 3, should be greater than or equal"):
        Page(title="t", more=["square", {"name": "star", "corners": 3}])
    with pytest.raises(UserError, match=r"^shape: unknown field 'colr': did you mean colour\?$"):
        Page(title="t", shape={"name": "star", "colr": "blue"})
    with pytest.raises(UserError, match=r"^title: got 'much too long', must be short$"):
        Page(title="much too long")


def test_every_fault_is_told_at_once_on_one_line() -> None:
    with pytest.raises(SpecError) as raised:
        Page(title=3, rows="many", shape={"name": "star", "corners": 1, "radius": "x"})
    assert [fault.where for fault in raised.value.faults] == [
        "title", "shape.corners", "shape.radius", "rows"
    ]  # fmt: skip
    assert "\n" not in str(raised.value)
    assert str(raised.value).count("; ") == 3


def test_required_and_unknown_fields_are_told_by_their_alias() -> None:
    fields: dict[str, Any] = {}  # as they come from outside
    with pytest.raises(UserError, match=r"^title: is required$"):
        Page(**fields)
    with pytest.raises(UserError, match=r"^unknown field 'row': did you mean rows\?$"):
        Page(title="t", **{**fields, "row": 3})
    with pytest.raises(UserError, match="^unknown field 'lines'"):
        Page(title="t", **{**fields, "lines": 3})


def test_specs_are_frozen() -> None:
    with pytest.raises(ValueError, match="frozen"):
        Shape(name="star").colour = "blue"  # type: ignore[misc]


def test_faults_move_below_the_spec_that_holds_theirs() -> None:
    assert str(Fault("a.b", "is wrong").below("top")) == "top.a.b: is wrong"
    assert str(Fault("", "is wrong").below("top")) == "top: is wrong"
    assert str(Fault("", "is wrong")) == "is wrong"
