"""The network of a sweep's best trial, which is kept while the others' are not."""

from __future__ import annotations

import contextlib
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from kerascnn.scratch import scratch_folder
from kerascnn.tracking import ActiveRun, ActiveSweep, is_full
from kerascnn.tracking.sweeps import rank, rank_of
from kerascnn.tuning.plan import Plan
from kerascnn.tuning.trial import WantedModel


class BestModel:
    """Decides which trials leave their network, and which of those is kept.

    A trial writes it only where it is at least as good as the best one was when it started; it is
    kept where it is better than the best one when it ends, and that one's is removed after that.

    Args:
        sweep: Where the trials are tracked, maybe by other processes, too.
        plan: What the sweep is for.
    """

    def __init__(self, sweep: ActiveSweep, plan: Plan):
        self._sweep, self._plan = sweep, plan
        self._maximize = plan.spec.direction == "max"

    def wanted(self, *, full: bool) -> WantedModel | None:
        """Returns what a trial must reach to leave its network, and where; None where it cannot.

        The folds of a trial are several networks, of which none is the trial's.

        Args:
            full: Whether it is trained in full; no other is better than one that was.
        """
        if self._plan.cross_validated:
            return None
        best, least = self._sweep.best(), None
        if best is not None and is_full(best):
            if not full:
                return None
            least = best.metrics["objective"]
        elif best is not None and not full:
            least = best.metrics["objective"]
        folder = Path(tempfile.mkdtemp(dir=scratch_folder()))
        return WantedModel(folder, self._plan.objective, self._maximize, least)

    @contextlib.contextmanager
    def kept(
        self,
        run: ActiveRun,
        model: WantedModel | None,
        objective: float,
        number: int,
        *,
        full: bool,
    ) -> Iterator[None]:
        """Lets a block end a trial: before, its network is kept if it is the best one so far.

        Args:
            run: The trial.
            model: Where it may have left its network.
            objective: What it has come to.
            number: Its number.
            full: Whether it was trained in full.
        """
        if model is None or not any(model.folder.iterdir()):
            yield
            return
        own = rank(full=full, objective=objective, number=number, maximize=self._maximize)
        best = self._sweep.best()
        better = best is None or own < rank_of(best, maximize=self._maximize)
        if better:
            self._sweep.keep_model(run, model.folder)
        yield
        if better:
            self._sweep.settle_best(maximize=self._maximize)

    def clear(self, model: WantedModel | None) -> None:
        """Removes what a trial has left outside the store."""
        if model is not None:
            shutil.rmtree(model.folder, ignore_errors=True)
