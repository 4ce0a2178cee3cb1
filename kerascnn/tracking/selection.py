"""Which runs to show, and in which order."""

from __future__ import annotations

import operator
import re
from collections.abc import Iterable, Sequence

from kerascnn.errors import UserError, unknown
from kerascnn.tracking.runs import Run

_CONDITION = re.compile(r"^\s*([\w.]+)\s*(<=|>=|!=|=|<|>)\s*(.+?)\s*$")
_ATTRIBUTES = ("id", "name", "status", "started")  # that every run has
_COMPARE = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "=": operator.eq,
    "!=": operator.ne,
}


def known_fields(fields: Iterable[str], runs: Sequence[Run]) -> list[str]:
    """Returns the fields, without blanks around them.

    Raises:
        UserError: If none of the runs has one of them.
    """
    names = [field.strip() for field in fields]
    for name in names:
        if name not in _ATTRIBUTES and all(run.field(name) is None for run in runs):
            known = {*_ATTRIBUTES}
            for run in runs:
                known |= {*run.metrics, *run.params, *run.tags}
            raise unknown("field", name, known)
    return names


def _number(value: str | float) -> float | None:
    try:
        return float(value)
    except ValueError:
        return None


def _holds(run: Run, field: str, compare: str, wanted: str) -> bool:
    value = run.field(field)
    if value is None:
        return compare == "!="
    left, right = _number(value), _number(wanted)
    if left is not None and right is not None:
        return bool(_COMPARE[compare](left, right))
    return bool(_COMPARE[compare](str(value), wanted))


def meeting(runs: Sequence[Run], conditions: Iterable[str]) -> list[Run]:
    """Returns the runs that meet every condition, in the order given.

    Args:
        runs: To choose from.
        conditions: Such as "model.name=lenet5" or "test_accuracy > 0.99".

    Raises:
        UserError: For a condition that cannot be read, or a field that no run has.
    """
    chosen = list(runs)
    for condition in conditions:
        match = _CONDITION.match(condition)
        if not match:
            raise UserError(
                f"--filter {condition!r}: must be FIELD=VALUE, or with <, <=, >, >=, !="
            )
        field, compare, wanted = match.groups()
        known_fields([field], runs)
        chosen = [run for run in chosen if _holds(run, field, compare, wanted)]
    return chosen


def select(
    runs: Sequence[Run], conditions: Iterable[str], *, sort: str, ascending: bool
) -> list[Run]:
    """Returns the runs that meet every condition, sorted; those without the field come last.

    Args:
        runs: To choose from.
        conditions: As for `meeting`.
        sort: Name of any metric, param, tag or attribute.
        ascending: Smallest first.

    Raises:
        UserError: For a condition that cannot be read, or a field that no run has.
    """
    chosen = meeting(runs, conditions)
    known_fields([sort], runs)

    def key(run: Run) -> tuple[float, str]:
        value = run.field(sort)
        number = _number(value) if value is not None else None
        return (number, "") if number is not None else (0.0, str(value))

    having = [run for run in chosen if run.field(sort) is not None]
    return sorted(having, key=key, reverse=not ascending) + [
        run for run in chosen if run.field(sort) is None
    ]
