"""What values a recipe field may take in a sweep.

Values go to KerasTuner and back as numbers where a range has two ends, and as YAML text where it
lists its values, so that a choice may hold lists (`model.dense`), booleans or null.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Self

import yaml
from pydantic import Field, field_validator, model_validator

from kerascnn.errors import UserError
from kerascnn.spec import Named

if TYPE_CHECKING:
    import keras_tuner

Value = int | float | str


def as_text(value: Any) -> str:
    """Returns a value as YAML on one line, as a `field=value` setting takes it."""
    text: str = yaml.safe_dump(value, default_flow_style=True, width=10**6)
    return text.removesuffix("\n...\n").strip()


class Range(Named, what="range"):
    """The base of every range; its name is the key that a space file has its values under.

    Attributes:
        when: The values of fields before it, under which the field is searched at all.
    """

    form: ClassVar[str] = (
        "one of {int: [low, high]}, {float: [low, high]}, {choice: [value, ...]}, {fixed: value}"
    )

    name: str = Field("", exclude=True)
    when: Mapping[str, tuple[Any, ...]] = {}

    @classmethod
    def chosen(cls, values: Mapping[str, Any]) -> type[Self]:
        """Returns the class whose key is among the values."""
        found = [name for name in cls.names() if name in values]
        if len(found) != 1:
            raise UserError(f"got {as_text(dict(values))}, must be {cls.form}")
        return cls.of_name(found[0])

    @field_validator("when", mode="before")
    @classmethod
    def _one_or_more(cls, when: Any) -> Any:
        if not isinstance(when, Mapping):
            raise UserError(f"got {when!r}, must be {{field: value}} or {{field: [value, ...]}}")
        return {
            field: tuple(values) if isinstance(values, list | tuple) else (values,)
            for field, values in when.items()
        }

    @property
    def points(self) -> tuple[Any, ...]:
        """The values to try on a recipe: all that are listed, or the two ends."""
        raise NotImplementedError

    def holds(self, value: Any) -> bool:
        """Whether the range contains a value that a `when` names."""
        return value in self.points

    def declare(self, space: keras_tuner.HyperParameters, name: str) -> None:
        """Adds the range to KerasTuner's own space, if there is anything to search."""


class Fixed(Range, name="fixed"):
    """One value, which every trial has."""

    value: Any = Field(alias="fixed")

    @property
    def points(self) -> tuple[Any, ...]:
        """The value."""
        return (self.value,)


class Choice(Range, name="choice"):
    """Any of the values listed, scalars or lists."""

    values: tuple[Any, ...] = Field(alias="choice")

    @field_validator("values")
    @classmethod
    def _distinct(cls, values: tuple[Any, ...]) -> tuple[Any, ...]:
        texts = [as_text(value) for value in values]
        if len(values) == 1:
            raise UserError(f"has the one value {texts[0]}: write {{fixed: {texts[0]}}}")
        if len(set(texts)) < max(len(texts), 2):
            raise UserError(f"got [{', '.join(texts)}], must be two or more different values")
        return values

    @property
    def points(self) -> tuple[Any, ...]:
        """All of them."""
        return self.values

    def declare(self, space: keras_tuner.HyperParameters, name: str) -> None:
        """Adds the values as YAML text, so that they may be of any kind."""
        space.Choice(name, [as_text(value) for value in self.values], ordered=False)


class _Interval(Range):
    """From a low end to a high one, both included."""

    ends: tuple[Any, Any]
    step: Any = None
    log: bool = False

    @model_validator(mode="after")
    def _in_order(self) -> _Interval:
        low, high = self.ends
        if low > high:
            raise UserError(f"got [{low}, {high}], upside down: must be [low, high]")
        if low == high:
            raise UserError(f"has the one value {low}: write {{fixed: {low}}}")
        if self.log and low <= 0:
            raise UserError(f"got [{low}, {high}], a log range must start above 0")
        if self.step is not None:
            if self.log and self.step <= 1:
                raise UserError(
                    f"got step {self.step}, must be over 1: in a log range it multiplies"
                )
            if (low * self.step if self.log else low + self.step) > high:
                raise UserError(f"got step {self.step}, which leaves the one value {low}")
        return self

    @property
    def points(self) -> tuple[Any, ...]:
        """Both ends."""
        return self.ends

    @property
    def _sampling(self) -> dict[str, Any]:
        low, high = self.ends
        sampling = "log" if self.log else "linear"
        return {"min_value": low, "max_value": high, "step": self.step, "sampling": sampling}


class Integers(_Interval, name="int"):
    """Whole numbers; `step` apart, or in a log range so many times the one before."""

    ends: tuple[int, int] = Field(alias="int")
    step: int | None = Field(None, ge=1)

    def holds(self, value: Any) -> bool:
        """Whether a whole number lies between the ends, on a step."""
        low, high = self.ends
        if not isinstance(value, int) or not low <= value <= high:
            return False
        return self.step is None or self.log or (value - low) % self.step == 0

    def declare(self, space: keras_tuner.HyperParameters, name: str) -> None:
        """Adds the interval."""
        space.Int(name, **self._sampling)


class Reals(_Interval, name="float"):
    """Real numbers; with `step`, only those so far apart (in a log range: so many times)."""

    ends: tuple[float, float] = Field(alias="float")
    step: float | None = Field(None, gt=0)

    def holds(self, value: Any) -> bool:
        """Never: no condition can be met by a number out of infinitely many."""
        return False

    def declare(self, space: keras_tuner.HyperParameters, name: str) -> None:
        """Adds the interval."""
        space.Float(name, **self._sampling)
