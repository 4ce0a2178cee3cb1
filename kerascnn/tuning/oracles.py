"""KerasTuner's oracles, which choose what to try, made to survive a kill at any moment.

KerasTuner writes its state in place, so that a kill can cut it off, and forgets where a grid search
was. It does not know of networks that cannot be built for the data either: here none is proposed.
"""

from __future__ import annotations

import json
import math
import warnings
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from scipy.optimize import minimize

from kerascnn.backend import import_quietly
from kerascnn.errors import UserError
from kerascnn.files import written_whole
from kerascnn.tuning.plan import Plan

import_quietly()

import keras_tuner  # noqa: E402
from keras_tuner.src.engine.trial import Trial, TrialStatus  # noqa: E402

OBJECTIVE = "objective"
_TRIES = 300  # configurations drawn before the space is given up
_POINTS, _DESCENTS = 2_000, 5
_FITTED = 200  # trials that a Gaussian process is fitted to, which takes time with their cube

Values = Mapping[str, Any]
Unbuildable = Callable[[Values], str | None]


def _write(path: Path, state: Any) -> None:
    with written_whole(path) as unfinished:
        unfinished.write_text(json.dumps(state), encoding="utf-8")


class KeptOracle(keras_tuner.Oracle):
    """What all of them share.

    Attributes:
        unbuildable: Says why a configuration cannot be built; None where it can.
        rejected: Configurations that could not.
    """

    unbuildable: Unbuildable
    rejected = 0

    def save(self) -> None:
        """Replaces the state on disk in one move."""
        _write(Path(self._get_oracle_fname()), self.get_state())

    def _save_trial(self, trial: Trial) -> None:
        folder = Path(self._get_trial_dir(trial.trial_id))
        _write(folder / "trial.json", trial.get_state())

    def reload(self) -> None:
        """Takes the state up again; trials that were running will be run anew."""
        super().reload()
        # A kill between the writing of a trial and of the state leaves one that never started.
        self.trials: dict[str, Trial] = {number: self.trials[number] for number in self.start_order}
        # Whatever was written when: what has not ended runs again, the first of it first.
        ended = set(self.end_order)
        self._retry_queue: list[str] = [
            number for number in reversed(self.start_order) if number not in ended
        ]

    def create_trial(self, tuner_id: str, *, avoid: Collection[str] = ()) -> Trial:
        """Returns the next trial; none yet while one runs that its worker may hand back.

        Args:
            tuner_id: The worker that asks.
            avoid: Ids of trials that it shall not get, of those that were handed back.
        """
        waiting = [number for number in self._retry_queue if number in avoid]
        self._retry_queue = [number for number in self._retry_queue if number not in avoid]
        trial = super().create_trial(tuner_id)
        self._retry_queue = waiting + self._retry_queue
        if trial.status == TrialStatus.STOPPED and (self.ongoing_trials or self._retry_queue):
            trial.status = TrialStatus.IDLE
        return trial

    def hand_back(self, tuner_id: str) -> None:
        """Takes a worker's trial from it, if it has one, to be run again."""
        trial = self.ongoing_trials.pop(tuner_id, None)
        if trial is not None:
            self._retry_queue.append(trial.trial_id)
            self.save()

    def finish(self, trial_id: str, value: float) -> None:
        """Takes the objective of a trial that waits to be run again, but had ended after all."""
        self._retry_queue.remove(trial_id)
        self.update_trial(trial_id, {OBJECTIVE: value})
        trial = self.trials[trial_id]
        trial.status = TrialStatus.COMPLETED
        self.end_trial(trial)

    @property
    def waiting(self) -> Sequence[str]:
        """Ids of the trials that were handed back."""
        return self._retry_queue

    @property
    def spent(self) -> bool:
        """Whether every trial of the budget has ended."""
        return self.max_trials is not None and len(self.end_order) >= self.max_trials

    def refused(self, values: Values) -> str | None:
        """Returns why a configuration cannot be built, and notes that it was proposed."""
        reason = self.unbuildable(values)
        if reason is not None:
            self.rejected += 1
            self._tried_so_far.add(self._compute_values_hash(dict(values)))
        return reason

    def _random_values(self) -> dict[str, Any] | None:
        reason = None
        for _ in range(_TRIES):
            values: dict[str, Any] | None = super()._random_values()
            if values is None:
                return None
            reason = self.refused(values)
            if reason is None:
                return values
        raise UserError(
            f"the space: none of {_TRIES} configurations drawn from it can be built: {reason}"
        )


class RandomOracle(KeptOracle, keras_tuner.oracles.RandomSearchOracle):
    """Draws every configuration at random."""


class BayesianOracle(KeptOracle, keras_tuner.oracles.BayesianOptimizationOracle):
    """Proposes what a Gaussian process expects most of.

    KerasTuner looks for that by 50 descents from random points, and asks the process for one point
    at a time: with 200 trials it thinks for half a minute. Here the process is asked for 2,000
    random points at once, and the best five descend.
    """

    def populate_space(self, trial_id: str) -> dict[str, Any]:
        """Returns the next configuration; a random one where it cannot be built."""
        done = sum(trial.status == TrialStatus.COMPLETED for trial in self.trials.values())
        if done < self.num_initial_points:
            return self._random_populate_space()  # type: ignore[no-any-return]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of the process's fit: it does what it can
            values = self._vector_to_values(self._most_promising().tolist())
        if self._duplicate(values) or self.refused(values):
            return self._random_populate_space()  # type: ignore[no-any-return]
        return {"status": TrialStatus.RUNNING, "values": values}

    def _most_promising(self) -> np.ndarray:
        """Returns the point of the least lower bound of the objective, (parameters,) in [0, 1]."""
        inputs, scores = self._vectorize_trials()
        self.gpr.fit(inputs, np.nan_to_num(scores, posinf=0, neginf=0))

        def bound(points: np.ndarray) -> np.ndarray:
            mean, deviation = self.gpr.predict(points, return_std=True)
            lower: np.ndarray = mean - self.beta * deviation
            return lower

        sides = [(0, 1)] * inputs.shape[1]
        points = self._random_state.uniform(size=(_POINTS, len(sides)))
        ends = [
            minimize(lambda point: bound(point[None])[0], start, bounds=sides, method="L-BFGS-B")
            for start in points[np.argsort(bound(points))[:_DESCENTS]]
        ]
        best: np.ndarray = min(ends, key=lambda end: end.fun).x
        return best

    def _vectorize_trials(self) -> tuple[np.ndarray, np.ndarray]:
        """Returns what the process is fitted to: of many trials the best, and others throughout."""
        inputs, scores = super()._vectorize_trials()
        if len(scores) <= _FITTED:
            return inputs, scores
        order = np.argsort(scores, kind="stable")  # the least is the best
        best, others = order[: _FITTED // 2], order[_FITTED // 2 :]
        some = np.linspace(0, len(others) - 1, _FITTED - len(best)).round().astype(int)
        chosen = np.sort(np.concatenate([best, others[some]]))
        return inputs[chosen], scores[chosen]


class HyperbandOracle(KeptOracle, keras_tuner.oracles.HyperbandOracle):
    """Starts many with few epochs, and trains the best of them longer."""


class GridOracle(KeptOracle, keras_tuner.oracles.GridSearchOracle):
    """Goes through every combination, in order."""

    def __init__(self, **arguments: Any):
        super().__init__(**arguments)
        self._last: dict[str, Any] | None = None

    def populate_space(self, trial_id: str) -> dict[str, Any]:
        """Returns the combination after the last one that can be built."""
        while True:
            values = self._first() if self._last is None else self._get_next_combination(self._last)
            if values is None:
                return {"status": TrialStatus.STOPPED, "values": None}
            self._last = values
            if self.refused(values) is None:
                return {"status": TrialStatus.RUNNING, "values": values}

    def _first(self) -> dict[str, Any]:
        space = self.get_space()
        space.values = {parameter.name: parameter.default for parameter in space.space}
        space.ensure_active_values()
        return {
            parameter.name: parameter.default
            for parameter in space.space
            if space.is_active(parameter)
        }

    def get_state(self) -> dict[str, Any]:
        """Returns the state, with the last combination."""
        return {**super().get_state(), "last": self._last}

    def set_state(self, state: dict[str, Any]) -> None:
        """Goes on after that combination."""
        super().set_state(state)
        self._last = state["last"]


def make_oracle(plan: Plan, folder: Path) -> KeptOracle:
    """Returns a sweep's oracle, as it was left in the folder where there is one.

    Args:
        plan: Its space and its budget are read; it says what cannot be built.
        folder: Where the oracle keeps its state.
    """
    spec = plan.spec
    arguments = {
        "objective": keras_tuner.Objective(OBJECTIVE, spec.direction),
        "hyperparameters": plan.space.hyperparameters(),
        "seed": spec.seed + 1,  # KerasTuner takes 0 for none
        "max_consecutive_failed_trials": math.inf,  # raising there, it would never let go its lock
    }
    oracle: KeptOracle
    if spec.tuner == "random":
        oracle = RandomOracle(**arguments)
    elif spec.tuner == "bayesian":
        # Its own default, three times the dimensions, would leave most sweeps all random.
        oracle = BayesianOracle(num_initial_points=max(4, (spec.trials or 0) // 4), **arguments)
    elif spec.tuner == "hyperband":
        oracle = HyperbandOracle(max_epochs=plan.max_epochs, hyperband_iterations=None, **arguments)
    else:
        oracle = GridOracle(**arguments)
    oracle.max_trials = spec.trials
    oracle.unbuildable = plan.unbuildable
    oracle.verbose = 0
    oracle._max_collisions = _TRIES
    oracle._set_project_dir(str(folder.parent), folder.name)
    if (folder / "oracle.json").exists():
        oracle.reload()
    return oracle
