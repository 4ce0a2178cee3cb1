"""Runs beside each other: what differs, what came out, and whether chance explains it."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from kerascnn import notebook, tracking
from kerascnn.errors import UserError
from kerascnn.report.pairs import Pair, Pairs, paired_tests
from kerascnn.report.seeds import Group, by_recipe, number
from kerascnn.text import first_names
from kerascnn.tracking import Run, differing, load_run
from kerascnn.tracking.selection import meeting

if TYPE_CHECKING:
    from matplotlib.figure import Figure

RESULTS = (
    "status", "best_epoch", "train_accuracy", "validation_accuracy", "test_accuracy",
    "test_accuracy_low", "test_accuracy_high", "test_loss", "train_seconds",
)  # fmt: skip
# Those of runs whose images may have several labels, after the others.
SET_RESULTS = (
    "train_mean_average_precision", "validation_mean_average_precision",
    "test_mean_average_precision", "test_macro_f1", "test_micro_f1", "test_exact_match",
)  # fmt: skip
SPREADS = ("validation_accuracy", "test_accuracy", "test_loss", "train_seconds")
_ACCURACIES = (
    "test_accuracy", "validation_accuracy",
    "test_mean_average_precision", "validation_mean_average_precision",
)  # fmt: skip
# What accuracy is drawn against: {what the axis says: the field}.
_COSTS = {"seconds of training": "train_seconds", "parameters": "parameters", "MACs": "macs"}
# The figures of a paired test; differences are the first run's accuracy less the second's.
_TEST = (
    "only_first_right", "only_second_right", "difference", "difference_low", "difference_high",
    "mcnemar_p", "mcnemar_p_holm",
)  # fmt: skip
_BESIDE = "trial"  # a param that is only a number
_MOST_CURVES = 12


@dataclass(frozen=True, repr=False)
class Comparison:
    """Two or more runs.

    Attributes:
        runs: In the order that they were named, or newest first, or by number of trial.
    """

    runs: Sequence[Run]

    @cached_property
    def differing(self) -> dict[str, list[str]]:
        """The fields that are not the same in all: their values, run by run."""
        found = differing(self.runs)
        found.pop(_BESIDE, None)
        return found

    @property
    def differences(self) -> list[list[str]]:
        """A row for each field that is not the same in all: its name, and its value in each run."""
        return [[field, *(run.text(field) for run in self.runs)] for field in self.differing]

    @property
    def figures(self) -> tuple[str, ...]:
        """What may have come out of these runs, by name."""
        several = (name for name in SET_RESULTS if any(name in run.metrics for run in self.runs))
        return (*RESULTS, *several)

    @property
    def results(self) -> list[list[str]]:
        """A row for each figure that came out: its name, and its value in each run."""
        rows = [[field, *(run.text(field) for run in self.runs)] for field in self.figures]
        return [row for row in rows if any(row[1:])]

    @cached_property
    def groups(self) -> list[Group]:
        """The runs by recipe: those that differ only in their seed are together."""
        return by_recipe(self._each)

    @cached_property
    def paired(self) -> Pairs:
        """What McNemar's tests of every two runs on the same test images came to."""
        return paired_tests(self._each)

    @property
    def best(self) -> Run | None:
        """The run that has most test images right; None where no two can be compared."""
        return self.paired.best

    @property
    def pairs_with_best(self) -> list[Pair]:
        """The best run with each other one, best first."""
        return [pair for pair in self.paired.tested if pair.first is self.best]

    @cached_property
    def accuracy(self) -> str:
        """Which accuracy costs are drawn against: "test_accuracy", or that of validation.

        Of images that may have several labels, mean average precision.
        """

        def having(name: str) -> int:
            return sum(number(run, name) is not None for run in self.runs)

        return max(_ACCURACIES, key=having)

    @property
    def without_macs(self) -> list[Run]:
        """Runs that were tracked without their MACs, by an older version."""
        scored = [run for run in self._each if number(run, self.accuracy) is not None]
        return [run for run in scored if number(run, "macs") is None]

    @property
    def _each(self) -> list[Run]:
        """Every run once."""
        return list({run.id: run for run in self.runs}.values())

    def draw(self) -> Figure:
        """Draws the learning curves over each other, of the 12 most accurate runs at the most."""
        # Here, as in those below: the tables wait for no Matplotlib.
        from kerascnn.visualization.curves import draw_curves

        runs = self._each
        if len(runs) > _MOST_CURVES:
            best = sorted(runs, key=lambda run: -(number(run, self.accuracy) or 0.0))[:_MOST_CURVES]
            runs = [run for run in runs if run in best]
        return draw_curves({f"{run.name} {run.id[:4]}": run.history for run in runs})

    def draw_pareto(self) -> Figure:
        """Draws accuracy against seconds, parameters and MACs, with the Pareto front.

        Runs that differ only in their seed are one point, with their standard deviation. A run
        without one of the costs is left out of its panel.

        Raises:
            UserError: If no run has an accuracy yet.
        """
        from kerascnn.visualization.pareto import draw_pareto

        scores = [group.spread(self.accuracy) for group in self.groups]
        shown = [(group, score) for group, score in zip(self.groups, scores, strict=True) if score]
        if not shown:
            raise UserError("none of the runs has an accuracy yet: nothing to draw against costs")

        def costs(field: str) -> np.ndarray:
            found = (group.spread(field) for group, _ in shown)
            return np.array([math.nan if cost is None else cost.mean for cost in found])

        panels = {label: costs(field) for label, field in _COSTS.items()}
        return draw_pareto(
            [group.name for group, _ in shown],
            np.array([score.mean for _, score in shown]),
            {label: values for label, values in panels.items() if np.isfinite(values).any()},
            name=self.accuracy,
            deviations=np.array([score.deviation for _, score in shown]),
        )

    def draw_disagreements(self, pair: Pair | None = None) -> Figure:
        """Draws the test images that only one of two runs has right.

        Args:
            pair: Of `paired.tested`; the best run and the next best if None.

        Raises:
            UserError: If no two runs have predictions of the same images, the two have the same
                images right, or the images are not there any more.
        """
        from kerascnn.visualization.disagreements import draw_disagreements

        if pair is None:
            if not self.paired.tested:
                why = [*self.paired.refused, *self.paired.lacking]
                raise UserError(
                    "; ".join(
                        ["there are no two runs that have predictions of the same images", *why]
                    )
                )
            pair = self.paired.tested[0]
        return draw_disagreements(pair.pairing, (pair.first.name, pair.second.name))

    def table(self) -> tuple[list[str], list[list[Any]]]:
        """Returns headings and a row for each run, as a CSV file has them.

        With the fields that differ, all results, the figures of its seeds, and how it stands to the
        best run; None where a run has no such thing.
        """
        seeds = [f"seeds_{figure}_{part}" for figure in SPREADS for part in ("mean", "deviation")]
        tests = [f"best_and_this_{name}" for name in _TEST]
        head = ["id", "name", *self.differing, *self.figures, "seeds", *seeds, *tests]
        group_of = {run.id: group for group in self.groups for run in group.runs}
        with_best = {pair.second.id: pair for pair in self.pairs_with_best}
        rows = []
        for run in self.runs:
            group = group_of[run.id]
            spreads = [group.spread(figure) for figure in SPREADS]
            row = [run.field(field) for field in ("id", "name", *self.differing, *self.figures)]
            row.append(len(group.runs))
            for spread in spreads:
                row += [spread.mean, spread.deviation] if spread else [None, None]
            pair = with_best.get(run.id)
            row += [None] * len(tests) if pair is None else _tested(pair)
            rows.append(row)
        return head, rows

    def values(self) -> dict[str, Any]:
        """Returns everything as plain values, as a JSON file has it; every pair that was tested."""
        return {
            "runs": [
                {
                    "id": run.id, "name": run.name, "status": run.status, "started": run.started,
                    "params": dict(run.params), "metrics": dict(run.metrics),
                }
                for run in self.runs
            ],
            "differences": self.differing,
            "seeds": [
                {
                    "runs": [run.id for run in group.runs],
                    "figures": {
                        figure: vars(spread)
                        for figure in SPREADS if (spread := group.spread(figure))
                    },
                }
                for group in self.groups
            ],
            "best": self.best.id if self.best else None,
            "pairs": [
                {
                    "first": pair.first.id, "second": pair.second.id,
                    "examples": pair.pairing.size,
                    **dict(zip(_TEST, _tested(pair), strict=True)),
                }
                for pair in self.paired.tested
            ],
            "not_tested": [*self.paired.lacking, *self.paired.refused],
        }  # fmt: skip

    def __repr__(self) -> str:
        """On one line."""
        names = first_names([run.name for run in self.runs])
        return f"<Comparison of {names}: {len(self.differing)} fields differ>"

    def _repr_html_(self) -> str:
        """The table and the curves."""
        from kerascnn.visualization.writing import png_of

        head = ["", *(run.name for run in self.runs)]
        rows = [*self.differences, *self.results]
        return notebook.table(head, rows) + notebook.picture(png_of(self.draw()))


def _tested(pair: Pair) -> list[float]:
    """Returns the figures of a paired test, as _TEST names them."""
    pairing = pair.pairing
    difference = pairing.difference
    counts = [len(pairing.only_first), len(pairing.only_second)]
    interval = [difference.value, difference.low, difference.high]
    return [*counts, *interval, pair.p_value, pair.p_corrected]


def compare(
    *runs: Run | str, sweep: str | None = None, conditions: Iterable[str] = ()
) -> Comparison:
    """Lays runs beside each other.

        kerascnn.compare("first", "second").paired.tested[0].p_value
        kerascnn.compare(conditions=["data.name=mnist", "test_accuracy > 0.99"]).groups

    Args:
        *runs: Each a run or what `load_run` takes.
        sweep: What `load_sweep` takes: its finished trials are compared too.
        conditions: Of the runs and trials named, those that meet every one of these; of all runs
            where none is named.

    Raises:
        UserError: For fewer than two runs, an unknown one, an unknown sweep, or a condition that
            cannot be read or that none meets.
    """
    conditions = list(conditions)
    so_far = ", such as 'kerascnn compare latest RUN'"
    if len(runs) < 2 and sweep is None and (runs or not conditions):
        raise UserError(f"compare needs two runs or more{so_far}")
    found = [load_run(run) if isinstance(run, str) else run for run in runs]
    if sweep is not None:
        parent = tracking.load_sweep(sweep)
        trials = [run for run in tracking.trials_of(parent) if run.status == "FINISHED"]
        so_far = f": sweep {parent.name} has {len(trials) or 'no'} finished trials"
        found += trials
    elif conditions and not runs:
        found = tracking.list_runs()
        so_far = ": there are none yet"
    if conditions and found:
        chosen = meeting(found, conditions)
        all_of = " and ".join(f"'{condition}'" for condition in conditions)
        so_far = f": {len(chosen) or 'none'} of {len(found)} runs meets {all_of}"
        found = chosen
    if len(found) < 2:
        raise UserError(f"compare needs two runs or more{so_far}")
    return Comparison(found)
