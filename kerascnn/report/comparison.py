"""Runs beside each other: what differs in their recipes, and what came out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from matplotlib.figure import Figure

from kerascnn import notebook
from kerascnn.errors import UserError
from kerascnn.tracking import Run, differing, load_run
from kerascnn.visualization.curves import draw_curves
from kerascnn.visualization.writing import png_of

RESULTS = (
    "status", "best_epoch", "train_accuracy", "validation_accuracy", "test_accuracy",
    "test_accuracy_low", "test_accuracy_high", "test_loss", "train_seconds",
)  # fmt: skip


@dataclass(frozen=True, repr=False)
class Comparison:
    """Two or more runs.

    Attributes:
        runs: In the order that they were named.
    """

    runs: Sequence[Run]

    @property
    def differences(self) -> list[list[str]]:
        """A row for each field that is not the same in all: its name, and its value in each run."""
        return [[field, *(run.text(field) for run in self.runs)] for field in differing(self.runs)]

    @property
    def results(self) -> list[list[str]]:
        """A row for each figure that came out: its name, and its value in each run."""
        return [[field, *(run.text(field) for run in self.runs)] for field in RESULTS]

    def draw(self) -> Figure:
        """Draws the learning curves over each other."""
        return draw_curves({f"{run.name} {run.id[:4]}": run.history for run in self.runs})

    def __repr__(self) -> str:
        """On one line."""
        names = ", ".join(run.name for run in self.runs)
        return f"<Comparison of {names}: {len(self.differences)} fields differ>"

    def _repr_html_(self) -> str:
        """The table and the curves."""
        head = ["", *(run.name for run in self.runs)]
        rows = [*self.differences, *self.results]
        return notebook.table(head, rows) + notebook.picture(png_of(self.draw()))


def compare(*runs: Run | str) -> Comparison:
    """Lays runs beside each other.

    Args:
        *runs: Two or more, each a run or what `load_run` takes.

    Raises:
        UserError: For fewer than two runs, or an unknown one.
    """
    if len(runs) < 2:
        raise UserError("compare needs two runs or more, such as 'kerascnn compare latest RUN'")
    return Comparison([load_run(run) if isinstance(run, str) else run for run in runs])
