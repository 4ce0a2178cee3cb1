"""Runs of one recipe that differ only in their seed, taken together."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from kerascnn.tracking import Run

_SEED = "training.seed"
_FINGERPRINT = "data_fingerprint"


@dataclass(frozen=True)
class Spread:
    """A figure over several runs.

    Attributes:
        mean: Over the runs that have it.
        deviation: Standard deviation of a sample (n - 1); NaN of one run.
        count: Runs that have it.
    """

    mean: float
    deviation: float
    count: int


@dataclass(frozen=True)
class Group:
    """Runs of one recipe on the same data.

    Attributes:
        runs: In the order given.
    """

    runs: Sequence[Run]

    @property
    def name(self) -> str:
        """The name of its first run, and how many more there are."""
        more = len(self.runs) - 1
        return self.runs[0].name + (f" and {more} more" if more else "")

    def spread(self, figure: str) -> Spread | None:
        """Returns a metric or param over the runs; None where none has it as a finite number."""
        values = [value for run in self.runs if (value := number(run, figure)) is not None]
        if not values:
            return None
        deviation = statistics.stdev(values) if len(values) > 1 else math.nan
        return Spread(statistics.fmean(values), deviation, len(values))


def number(run: Run, name: str) -> float | None:
    """Returns a field of a run as a number; None where it has none, or not a finite one."""
    found = run.field(name)
    try:
        value = math.nan if found is None else float(found)
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def by_recipe(runs: Sequence[Run]) -> list[Group]:
    """Groups runs whose recipes differ in nothing but `training.seed`, and whose data are the same.

    Args:
        runs: Of any recipes. What a run is tracked with beside its recipe does not count, such as
            its device.
    """
    groups: dict[object, list[Run]] = {}
    for run in runs:
        # Only a recipe's fields have a section.
        fields = {name: value for name, value in run.params.items() if "." in name}
        fields.pop(_SEED, None)
        key = (frozenset(fields.items()), run.tags.get(_FINGERPRINT))
        groups.setdefault(key, []).append(run)
    return [Group(found) for found in groups.values()]
